"""The harness's AES in C beside the standards' vectors; what edgepack encrypts beside them too."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgepack.compile.encrypted import Cipher, Image
from edgepack.mcu.toolchain.compilers import FIRMWARE
from tests.compile.decryption import c_bytes, keystream

PROGRAM = """#include <stdio.h>
#include "aes_ctr.h"
int main(void)
{
    const uint8_t key[16] = KEY, nonce[12] = NONCE, in[] = IN;
    uint8_t block[16] = BLOCK, out[sizeof in];
    struct aes aes;
    aes_begin(&aes, key);
    aes_encrypt(&aes, block);
    aes_ctr(&aes, nonce, OFFSET, in, out, sizeof in);
    return fwrite(block, 1, 16, stdout) != 16 || fwrite(out, 1, sizeof out, stdout) != sizeof out;
}
"""

# FIPS 197, appendix C.1
FIPS_KEY, FIPS_PLAIN = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
FIPS_CIPHER = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")

# NIST SP 800-38A, F.5.1: the counter begins at f0f1...fcfdfeff, whose last four bytes are the number of a block
NIST_KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
NIST_NONCE, NIST_OFFSET = bytes(range(0xF0, 0xFC)), 0xFCFDFEFF
NIST_PLAIN = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
NIST_CIPHER = bytes.fromhex(
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
)


def run(folder: Path, key: bytes, block: bytes, nonce: bytes, offset: int, content: bytes) -> tuple[bytes, bytes]:
    values = [("KEY", c_bytes(key)), ("NONCE", c_bytes(nonce)), ("BLOCK", c_bytes(block)), ("IN", c_bytes(content))]
    source = "".join(f"#define {name} {value}\n" for name, value in [*values, ("OFFSET", f"{offset}u")]) + PROGRAM
    (folder / "aes.c").write_text(source)
    flags = ["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run(["gcc", *flags, f"-I{FIRMWARE}", str(folder / "aes.c"), "-o", str(folder / "aes")], check=True)
    found = subprocess.run([folder / "aes"], capture_output=True, check=True).stdout
    return found[:16], found[16:]


def test_a_block_is_that_of_fips_197(tmp_path: Path) -> None:
    assert run(tmp_path, FIPS_KEY, FIPS_PLAIN, bytes(12), 0, bytes(16))[0] == FIPS_CIPHER


def test_the_counter_mode_is_that_of_the_package(tmp_path: Path) -> None:
    for offset in (0, 16, 0xFFFF0, 0xFFFFFFF0 - 48):
        plain = bytes(range(64))
        assert run(tmp_path, NIST_KEY, bytes(16), NIST_NONCE, offset, plain)[1] == keystream(NIST_KEY, NIST_NONCE, offset, plain)


def test_counter_blocks_are_those_of_sp_800_38a(tmp_path: Path) -> None:
    """The published counter lies beyond a 32-bit offset: each of its blocks by the block cipher."""
    for at in range(0, 64, 16):
        counter = int.from_bytes(NIST_NONCE + NIST_OFFSET.to_bytes(4, "big"), "big") + at // 16
        stream = run(tmp_path, NIST_KEY, counter.to_bytes(16, "big"), bytes(12), 0, bytes(16))[0]
        assert bytes(a ^ b for a, b in zip(stream, NIST_PLAIN[at : at + 16], strict=True)) == NIST_CIPHER[at : at + 16]
    assert Cipher(NIST_KEY, NIST_NONCE).encrypt(16 * NIST_OFFSET, NIST_PLAIN) == NIST_CIPHER


def test_equal_arrays_are_stored_once_and_each_begins_a_block() -> None:
    image = Image()
    places = [image.array(content, "").offset for content in (b"abc", bytes(20), b"abc", b"d" * 16)]
    assert places == [0, 16, 0, 48] and image.size == 64


@pytest.mark.parametrize("second", [b"abd", b"ab", b"abc" + bytes(14)])
def test_the_nonce_follows_from_all_that_is_encrypted(second: bytes) -> None:
    nonces = set()
    for contents in ([b"abc"], [second], [b"abc", second], [second, b"abc"]):
        image = Image()
        for content in contents:
            image.array(content, "")
        nonces.add(Cipher.of(FIPS_KEY, image).nonce)
    assert len(nonces) == 4
