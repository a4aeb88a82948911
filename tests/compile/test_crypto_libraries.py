"""The callbacks that the guide shows, compiled against the real Mbed TLS and its PSA Crypto, decrypt what edgepack encrypts."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.mcu.host import build_host, run_host
from edgepack.mcu.toolchain.decrypting import DECRYPT
from edgepack.mcu.toolchain.program import ports_of
from tests.compile.networks import random_network

GUIDE = Path(__file__).parents[2] / "docs/guides/c-code.md"
KEY = bytes(range(16))
HEADERS = [Path("/usr/include/psa/crypto.h"), Path("/usr/include/mbedtls/aes.h")]

_KEY_TEXT = ", ".join(map(str, KEY))
_PSA = f"""#include <psa/crypto.h>
#include "kws.h"

CALLBACK

kws_decrypt {DECRYPT};

int {DECRYPT}(void *user, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes)
{{
    static psa_key_id_t id;
    (void)user;
    if (id == 0) {{
        static const uint8_t key[16] = {{{_KEY_TEXT}}};
        psa_key_attributes_t about = PSA_KEY_ATTRIBUTES_INIT;
        psa_set_key_usage_flags(&about, PSA_KEY_USAGE_DECRYPT);
        psa_set_key_algorithm(&about, PSA_ALG_CTR);
        psa_set_key_type(&about, PSA_KEY_TYPE_AES);
        psa_set_key_bits(&about, 128);
        if (psa_crypto_init() != PSA_SUCCESS || psa_import_key(&about, key, sizeof key, &id) != PSA_SUCCESS) {{
            return -1;
        }}
    }}
    return decrypt(&id, offset, in, out, bytes);
}}
"""
_MBEDTLS = f"""#include <mbedtls/aes.h>
#include "kws.h"

CALLBACK

kws_decrypt {DECRYPT};

int {DECRYPT}(void *user, uint32_t offset, const uint8_t *in, uint8_t *out, uint32_t bytes)
{{
    static const uint8_t key[16] = {{{_KEY_TEXT}}};
    mbedtls_aes_context aes;
    (void)user;
    mbedtls_aes_init(&aes);
    const int status = mbedtls_aes_setkey_enc(&aes, key, 128);
    return status != 0 ? status : decrypt(&aes, offset, in, out, bytes);
}}
"""


def shown(library: str) -> str:
    """The function in the guide whose first line names the library."""
    blocks = re.findall(r"```c\n(static int decrypt\(.*?)```", GUIDE.read_text(), re.DOTALL)
    (found,) = [block for block in blocks if f"/* {library} */" in block.partition("\n")[0]]
    return str(found)


@pytest.mark.parametrize(("library", "frame"), [("PSA Crypto", _PSA), ("Mbed TLS", _MBEDTLS)])
def test_a_callback_of_the_guide_decrypts(library: str, frame: str, tmp_path: Path) -> None:
    if not all(header.is_file() for header in HEADERS):
        pytest.skip("Mbed TLS is not installed (apt-get install libmbedtls-dev)")
    model = read_model(random_network(500))
    plain = compile_model(model, "kws", coding="off")
    hidden = compile_model(model, "kws", coding="off", key=KEY)
    assert hidden.encrypted > 0
    ins, outs = ([plain.graph.values[value] for value in values] for values in (plain.graph.inputs, plain.graph.outputs))
    inputs = [np.random.default_rng(0).integers(-128, 128, (8, *value.shape[1:])).astype(value.dtype) for value in ins]
    ports = ports_of([np.zeros((8, *value.shape[1:]), value.dtype) for value in outs])
    callback = {f"{DECRYPT}.c": frame.replace("CALLBACK", shown(library))}
    expected, found = (
        run_host(build_host(files, "kws", ports_of(inputs), ports, tmp_path / part, ["-Wall", "-Werror", "-lmbedcrypto"]), inputs)
        for part, files in (("plain", plain.files), ("hidden", {**hidden.files, **callback}))
    )
    assert all(np.array_equal(one, other) for one, other in zip(expected, found, strict=True))
