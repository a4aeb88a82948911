"""The device's own Ed25519, BLAKE2b and SHA-512, in Python and in C: RFC 8032's vectors, cryptography, hashlib, and forgeries."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
from collections.abc import Callable

import pytest

from edgepack.runners.c_sources import SHARED
from edgepack.runners.on_device import run_ed25519

Verify = Callable[[list[tuple[bytes, bytes, bytes]]], list[bool]]
P, L = run_ed25519.P, run_ed25519.L

# RFC 8032, section 7.1: public key, message, signature (TEST 1, 2, 3 and SHA(abc)).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        hashlib.sha512(b"abc").hexdigest(),
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]

_PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "blake2b.h"
#include "ed25519.h"
#include "sha512.h"

/* Exactly as large as what it holds, so that a byte read too far is noticed. */
static uint8_t *bytes_of(const char *digits, size_t *size)
{
    *size = strlen(digits) / 2;
    uint8_t *bytes = malloc(*size + (*size == 0));
    for (size_t i = 0; i < *size; i++) {
        unsigned value;
        sscanf(digits + 2 * i, "%2x", &value);
        bytes[i] = (uint8_t)value;
    }
    return bytes;
}

int main(void)
{
    static char kind[8], words[3][1 << 16];
    while (scanf("%7s x%65535s x%65535s x%65535s", kind, words[0], words[1], words[2]) == 4) {
        uint8_t *data[3], digest[64];
        size_t size[3];
        for (int i = 0; i < 3; i++) {
            data[i] = bytes_of(words[i][0] == '-' ? "" : words[i], &size[i]);
        }
        if (strcmp(kind, "verify") == 0) {
            printf("%d\n", ed25519_verify(data[0], data[1], size[1], data[2]));
        } else {
            struct sha512 hash;
            sha512_begin(&hash);
            sha512_add(&hash, data[1], size[1] / 3);
            sha512_add(&hash, data[1] + size[1] / 3, size[1] - size[1] / 3);
            sha512_end(&hash, digest);
            if (strcmp(kind, "blake2b") == 0) {
                blake2b(data[1], size[1], digest);
            }
            for (int i = 0; i < 64; i++) {
                printf("%02x", digest[i]);
            }
            printf("\n");
        }
        for (int i = 0; i < 3; i++) {
            free(data[i]);
        }
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """The C under AddressSanitizer and UndefinedBehaviorSanitizer, fed with lines."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("c")
    (folder / "main.c").write_text(_PROGRAM)
    sources = [str(SHARED / name) for name in ("ed25519.c", "sha512.c", "blake2b.c")]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    words = [gcc, "-std=gnu11", "-O1", "-g", *sanitize, f"-I{SHARED}", str(folder / "main.c"), *sources]
    subprocess.run([*words, "-o", str(folder / "program")], check=True)

    def run(lines: str) -> list[str]:
        done = subprocess.run([folder / "program"], input=lines, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return run


@pytest.fixture(params=["python", "c"])
def verify(request: pytest.FixtureRequest) -> Verify:
    if request.param == "python":
        return lambda cases: [run_ed25519.verify(*case) for case in cases]
    run = request.getfixturevalue("program")

    def in_c(cases: list[tuple[bytes, bytes, bytes]]) -> list[bool]:
        lines = "".join("verify " + " ".join(f"x{part.hex() or '-'}" for part in case) + "\n" for case in cases)
        return [word == "1" for word in run(lines)]

    return in_c


def test_the_vectors_of_rfc_8032(verify: Verify) -> None:
    cases = [tuple(map(bytes.fromhex, vector)) for vector in VECTORS]
    assert verify(cases) == [True] * len(cases)  # type: ignore[arg-type]
    spoilt = [(key, message + b"\0", signature) for key, message, signature in cases]
    assert not any(verify(spoilt))


def test_random_signatures_and_what_is_one_bit_off(verify: Verify) -> None:
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519", reason="cryptography is not installed")
    generator = random.Random(1)
    good, bad = [], []
    for _ in range(25):
        key = ed25519.Ed25519PrivateKey.from_private_bytes(generator.randbytes(32))
        public, message = key.public_key().public_bytes_raw(), generator.randbytes(generator.randrange(300))
        signature = key.sign(message)
        good.append((public, message, signature))
        for index, part in ((0, public), (1, message + b"m"), (2, signature)):
            bit = generator.randrange(8 * len(part))
            flipped = bytearray(part)
            flipped[bit // 8] ^= 1 << bit % 8
            bad.append((*good[-1][:index], bytes(flipped), *good[-1][index + 1 :]))
        scalar = int.from_bytes(signature[32:], "little")
        for larger in (scalar + L, scalar + 2 * L, scalar + 8 * L):
            bad.append((public, message, signature[:32] + larger.to_bytes(32, "little")))
    assert all(verify(good)) and not any(verify(bad))


def small_order_points() -> list[bytes]:
    """Every way to write a point of order 1, 2, 4 or 8, also those that are not the one way."""
    y8 = next(y for y in map(_y_of_order_eight, (0, 1)) if y is not None)
    values = {0, 1, P - 1, y8, P - y8, P, P + 1}
    return [(y | sign << 255).to_bytes(32, "little") for y in sorted(values) for sign in (0, 1)]


def _y_of_order_eight(seed: int) -> int | None:
    """L times any point is of small order; one in two of them is of order eight."""
    for y in range(2 + seed, 200):
        point = run_ed25519.decode(y.to_bytes(32, "little"))
        if point is None:
            continue
        small = run_ed25519.multiply(L, point)
        if not run_ed25519.same(run_ed25519.multiply(4, small), run_ed25519.NEUTRAL):
            return small[1] * pow(small[2], P - 2, P) % P
    return None


def test_points_of_small_order_sign_nothing(verify: Verify) -> None:
    """With such a key R = S B holds for every message of which the challenge is a multiple of eight, or for all."""
    points = small_order_points()
    assert len(points) == 14
    zero = bytes(32)
    one = run_ed25519.BASE
    base = (one[1] | (one[0] & 1) << 255).to_bytes(32, "little")
    cases = [(key, bytes([number]), first + zero) for key in points for first in points for number in range(3)]
    cases += [(key, bytes([number]), base + (1).to_bytes(32, "little")) for key in points for number in range(16)]
    assert not any(verify(cases))


def test_points_that_are_none_or_are_written_otherwise(verify: Verify) -> None:
    key, message, signature = map(bytes.fromhex, VECTORS[2])
    off_the_curve = next(data for number in range(2, 99) if run_ed25519.decode(data := number.to_bytes(32, "little")) is None)
    beyond = [(P + number).to_bytes(32, "little") for number in range(19)]
    cases = [(bad, message, signature) for bad in (off_the_curve, *beyond)]
    cases += [(key, message, bad + signature[32:]) for bad in (off_the_curve, *beyond)]
    cases += [(key, message, signature[:32] + bytes([255] * 32)), (bytes([255] * 32), message, signature)]
    assert not any(verify(cases))


def test_a_key_with_a_part_of_small_order_is_checked_without_the_cofactor(verify: Verify) -> None:
    """A = a B + T: S = r + k a fits R = r B only where k T vanishes, which a check with the cofactor would pass over."""
    torsion = run_ed25519.decode((P - 1).to_bytes(32, "little"))
    assert torsion is not None
    secret, nonce = 123456789, 987654321
    point = run_ed25519.add(run_ed25519.multiply(secret, run_ed25519.BASE), torsion)
    key, first = _written(point), _written(run_ed25519.multiply(nonce, run_ed25519.BASE))
    cases, wanted = [], []
    for number in range(12):
        message = bytes([number])
        challenge = int.from_bytes(hashlib.sha512(first + key + message).digest(), "little") % L
        scalar = (nonce + challenge * secret) % L
        cases.append((key, message, first + scalar.to_bytes(32, "little")))
        wanted.append(challenge % 2 == 0)
    assert len(set(wanted)) == 2 and verify(cases) == wanted


def _written(point: tuple[int, int, int, int]) -> bytes:
    inverse = pow(point[2], P - 2, P)
    return (point[1] * inverse % P | (point[0] * inverse % P & 1) << 255).to_bytes(32, "little")


def test_the_hashes_in_c_are_those_of_hashlib(program: Callable[[str], list[str]]) -> None:
    generator = random.Random(2)
    messages = [generator.randbytes(size) for size in (*range(260), 1000, 4096, 5001)]
    for kind, reference in (("sha512", hashlib.sha512), ("blake2b", hashlib.blake2b)):
        lines = "".join(f"{kind} x- x{message.hex() or '-'} x-\n" for message in messages)
        assert program(lines) == [reference(message).hexdigest() for message in messages]  # type: ignore[operator]
