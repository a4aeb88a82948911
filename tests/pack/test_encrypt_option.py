"""The key of `edgepack export --encrypt`: which files hold one, and which forms take it."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgepack
from edgepack.compile.encrypted import read_key
from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.registry import FORMS

MODEL = Path(__file__).parents[1] / "flatbuffer" / "coded" / "pruned.tflite"
KEY = bytes.fromhex("00112233445566778899aabbccddeeff")


@pytest.mark.parametrize("content", [KEY, KEY.hex().encode(), b" 00112233 44556677\r\n8899AABB ccddeeff\n"])
def test_a_key_is_sixteen_bytes_or_their_digits(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    assert read_key(tmp_path / "key") == KEY


@pytest.mark.parametrize(
    "content",
    [b"", KEY[:-1], KEY + b"\n", KEY.hex().encode()[:16], KEY.hex().encode()[:-1], KEY.hex().encode() * 2, b"g" * 32, KEY * 1000],
)
def test_what_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ProjectError, match="holds no key of AES-128") as error:
        read_key(tmp_path / "key")
    assert error.value.code == "EP-715" and "\n" not in str(error.value)


def test_no_such_file(tmp_path: Path) -> None:
    for file in (tmp_path / "none", tmp_path):
        with pytest.raises(ProjectError, match="cannot be read") as error:
            edgepack.export(MODEL, "c", encrypt=file, out=tmp_path / "out", quiet=True)
        assert error.value.code == "EP-715"


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"c"}))
def test_other_forms_have_nothing_that_decrypts(tmp_path: Path, form: str) -> None:
    (tmp_path / "key").write_bytes(KEY)
    with pytest.raises(ProjectError, match="no encrypted weights") as error:
        edgepack.export(MODEL, form, encrypt=tmp_path / "key", out=tmp_path / "out", quiet=True)
    assert error.value.code == "EP-170" and not (tmp_path / "out").exists()


def test_an_export_names_the_nonce_and_not_the_key(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY.hex())
    files = edgepack.export(MODEL, "c", name="net", encrypt=str(tmp_path / "key"), out=tmp_path / "out", quiet=True)
    texts = {file.name: file.read_text() for file in files}
    assert "NET_NONCE {0x" in texts["net.h"] and "are encrypted with AES-128" in texts["README.md"]
    bytes_of_key = ", ".join(map(str, KEY))
    assert all(KEY.hex() not in text and bytes_of_key not in text for text in texts.values())
