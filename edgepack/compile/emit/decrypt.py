"""What the files say of encrypted constants: the callback's declaration in NAME.h, and a paragraph of the README."""

from __future__ import annotations

from collections.abc import Iterator

from edgepack.compile.call import Array, Call, decodes
from edgepack.compile.coded.contents import arrays_inside
from edgepack.compile.emit.subject import Program
from edgepack.compile.encrypted.cipher import BLOCK

FAILURES = " or there is no `decrypt`, -2 if that failed or had another key"
WINDOW_HEADER = "ep_cipher_window.h"
DECRYPTING = frozenset({"ep_decipher.h", WINDOW_HEADER})
"""The headers of functions that have something decrypted."""


def decrypt_declaration(program: Program) -> str:
    """The type of the function that decrypts, and the nonce; "" where nothing is encrypted."""
    if program.cipher is None:
        return ""
    p, name = program.prefix, program.name
    nonce = ", ".join(f"0x{byte:02X}" for byte in program.cipher.nonce)
    return f"""
/* Constants are encrypted with AES-128 in counter mode. The counter block at `offset` is {p}_NONCE, then offset / 16 in four
 * bytes, the highest first. The function decrypts `bytes` bytes from `in` to `out`, which do not overlap; both numbers are
 * multiples of 16, `in` is 4-aligned, and `out` is 8-aligned where the arena is. It returns 0, anything else where it failed.
 * `user` is what {name}_run was given. */
#define {p}_NONCE {{{nonce}}}
typedef int {name}_decrypt(void *user, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes);
"""


def check_block(program: Program) -> str:
    """A block of zeros, encrypted at the place behind all constants, which tells another key from the right one."""
    assert program.cipher is not None
    block = ", ".join(map(str, program.cipher.encrypt(program.encrypted, bytes(BLOCK))))
    return f"static EP_CONSTANTS_ALIGNED const uint8_t {program.name}_check[EP_CIPHER_BLOCK] = {{{block}}};\n"


def key_check(program: Program) -> str:
    """The statements that end a run with another key, whose constants would be no streams or positions to follow."""
    return f"    if (!ep_key_fits(&decryption, {program.encrypted}u, {program.name}_check)) {{\n        return -2;\n    }}\n"


def encryption_notes(program: Program) -> str:
    """Lines of the README on what is encrypted and what is not; "" where nothing is."""
    if program.cipher is None:
        return ""
    hidden = sum({array.offset: array.data.nbytes for array in _arrays(program) if array.offset is not None}.values())
    states = sum(len(state.initial) for state in program.graph.states)
    initial = f", and {states} bytes of initial state" if states else ""
    layers = sum(_decrypts(call) for call in program.calls)
    return (
        f"- {hidden} bytes of constants are encrypted with AES-128 in counter mode, and decrypted into the arena in every\n"
        f"  run, in {layers} of {len(program.calls)} layers, by the function that `{program.name}_run` is given. As they\n"
        f"  are stay shapes, zero points and other numbers in `{program.name}.c`{initial}. Nothing here tells whether flash was\n"
        "  changed: sign the image.\n"
    )


def _decrypts(call: Call) -> bool:
    return any(part.kernel in ("ep_decipher", "ep_cipher_window") or decodes(part.fields) for part in call.parts())


def _arrays(program: Program) -> Iterator[Array]:
    for call in program.calls:
        for part in call.parts():
            yield from arrays_inside(part.fields, join=False)
