"""The function with which a test or a benchmark decrypts a model's constants: AES in portable C, the key beside it."""

from __future__ import annotations

from collections.abc import Mapping

from edgepack.mcu.toolchain.compilers import FIRMWARE

DECRYPT = "harness_decrypt"
_AES = "aes_ctr.h"
OWN = ("aes_", DECRYPT)
"""What its functions' names begin with."""


def decrypting(name: str, key: bytes) -> Mapping[str, str]:
    """Files to lay beside the generated C of that name."""
    digits = ", ".join(f"0x{byte:02x}" for byte in key)
    text = f"""#include "{name}.h"
#include "{_AES}"

{name}_decrypt {DECRYPT};

int {DECRYPT}(void *user, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes)
{{
    static const uint8_t key[AES_BLOCK] = {{{digits}}}, nonce[] = {name.upper()}_NONCE;
    static struct aes aes;
    (void)user;
    if (aes.box[0] == 0) {{
        aes_begin(&aes, key);
    }}
    aes_ctr(&aes, nonce, offset, in, out, bytes);
    return 0;
}}
"""
    return {f"{DECRYPT}.c": text, _AES: (FIRMWARE / _AES).read_text(encoding="utf-8")}
