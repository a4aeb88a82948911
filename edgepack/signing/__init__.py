"""Signed packs: keys and signatures in minisign's formats, made and checked on this machine."""

from __future__ import annotations

from edgepack.signing.check import PackSignature, SignatureRefused, check_signature, read_signature, signature_error
from edgepack.signing.keys import SecretKey, generate_key, read_secret_key
from edgepack.signing.sign import Signer, read_signer, sign_pack

__all__ = [
    "PackSignature",
    "SecretKey",
    "SignatureRefused",
    "Signer",
    "check_signature",
    "generate_key",
    "read_secret_key",
    "read_signature",
    "read_signer",
    "sign_pack",
    "signature_error",
]
