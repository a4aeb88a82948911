"""What tests decrypt with: the package cryptography, called back from C, and the harness's own AES in C."""

from __future__ import annotations

import ctypes

TYPE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)


def callback(key: bytes, nonce: bytes) -> tuple[object, ...]:
    """The last arguments of NAME_run; the function refuses what its contract does not allow."""

    def decrypt(user: int | None, offset: int, source: int, target: int, count: int) -> int:
        if user is not None or offset % 16 or count % 16 or count == 0 or source % 4 or target % 8:
            return 1
        plain = keystream(key, nonce, offset, ctypes.string_at(source, count))
        ctypes.memmove(target, plain, count)
        return 0

    return TYPE(decrypt), None


def keystream(key: bytes, nonce: bytes, offset: int, content: bytes) -> bytes:
    """Content encrypted, or decrypted, from `offset` on."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    start = int.from_bytes(nonce + bytes(4), "big") + offset // 16
    worker = Cipher(algorithms.AES(key), modes.CTR(start.to_bytes(16, "big"))).encryptor()
    return worker.update(content) + worker.finalize()


def c_bytes(content: bytes) -> str:
    """A C initialiser."""
    return "{" + ", ".join(map(str, content)) + "}"


def decrypt_text(key: bytes) -> str:
    """C of a function `decrypt`, whose `user` is the nonce."""
    return f"""static int decrypt(void *user, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes)
{{
    const uint8_t key[16] = {c_bytes(key)};
    struct aes aes;
    aes_begin(&aes, key);
    aes_ctr(&aes, user, offset, in, out, bytes);
    return 0;
}}"""
