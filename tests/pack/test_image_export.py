"""`edgepack export --as ota-image` and `--as mcuboot`: what is written, and what is refused before anything is made."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import edgepack
from edgepack.ground.errors import EdgepackError
from edgepack.pack.deliveries.image.format import parse_image
from edgepack.signing import generate_key
from edgepack.signing.keys import read_secret_key
from edgepack.signing.sign import image_signature

CODED = Path(__file__).parents[1] / "flatbuffer" / "coded"
MODEL, BEFORE = CODED / "clustered.tflite", CODED / "pruned.tflite"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("cryptography")
    return generate_key(tmp_path_factory.mktemp("keys") / "release", None)[0]


def export(model: Path, form: str, out: Path, **options: Any) -> tuple[Path, ...]:
    return edgepack.export(model, form, out=out, name="net", quiet=True, **options)


def test_an_image_an_update_and_the_updater_are_written(key: Path, tmp_path: Path) -> None:
    export(BEFORE, "ota-image", tmp_path / "1", sign=key, image_version=1)
    export(MODEL, "ota-image", tmp_path / "2", sign=key, image_version=2, base=tmp_path / "1" / "net.image")
    image = parse_image((tmp_path / "2" / "net.image").read_bytes())
    assert (image.content, image.version, image.name) == (MODEL.read_bytes(), 2, b"net")
    assert hashlib.sha256(MODEL.read_bytes()).digest() == image.header[72:104]
    secret = read_secret_key(key, str)
    assert image.signature == image_signature(secret, image.header + image.content)
    assert (tmp_path / "2" / "net.update").stat().st_size < (tmp_path / "1" / "net.update").stat().st_size
    trust = (tmp_path / "2" / "updater" / "ota_trust.h").read_text()
    assert all(f"0x{byte:02x}" in trust for byte in secret.public.key + secret.public.number)
    assert {"ota.h", "ota_update.c", "ed25519.c"} <= {path.name for path in (tmp_path / "2" / "updater").iterdir()}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
def test_the_updater_compiles_without_a_warning(key: Path, tmp_path: Path) -> None:
    export(MODEL, "ota-image", tmp_path, sign=key, image_version=1)
    sources = sorted(map(str, (tmp_path / "updater").glob("*.c")))
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-fsyntax-only"]
    subprocess.run(["gcc", *flags, *sources], check=True)


def test_an_image_holds_the_linked_program_where_one_is_given(key: Path, tmp_path: Path) -> None:
    program = tmp_path / "app.bin"
    program.write_bytes(bytes(range(256)) * 20)
    export(MODEL, "ota-image", tmp_path / "out", sign=key, image_version=1, program=program)
    assert parse_image((tmp_path / "out" / "net.image").read_bytes()).content == program.read_bytes()


@pytest.mark.parametrize(
    ("form", "options", "code"),
    [
        ("ota-image", {"image_version": 1}, "EP-176"),
        ("ota-image", {"sign": "KEY"}, "EP-173"),
        ("ota-image", {"sign": "KEY", "image_version": 0}, "EP-173"),
        ("ota-image", {"sign": "KEY", "image_version": -1}, "EP-173"),
        ("ota-image", {"sign": "MODEL", "image_version": 1}, "EP-190"),
        ("ota-image", {"sign": "none.key", "image_version": 1}, "EP-190"),
        ("ota-image", {"sign": "KEY", "image_version": 2, "base": "MODEL"}, "EP-174"),
        ("ota-image", {"sign": "KEY", "image_version": 2, "base": "none.image"}, "EP-175"),
        ("ota-image", {"sign": "KEY", "image_version": 2, "base": "FOLDER"}, "EP-175"),
        ("ota-image", {"sign": "KEY", "image_version": 2, "program": "none.bin"}, "EP-175"),
        ("ota", {"sign": "KEY"}, "EP-176"),
        ("c", {"image_version": 3}, "EP-176"),
        ("mcuboot", {"base": "MODEL"}, "EP-176"),
        ("mcuboot", {"version": "1"}, "EP-169"),
        ("mcuboot", {"image_version": -1}, "EP-173"),
        ("mcuboot", {"program": "MODEL"}, "EP-177"),
        ("mcuboot", {"sign": "KEY"}, "EP-178"),
    ],
)
def test_what_is_wrong_is_one_error(key: Path, tmp_path: Path, form: str, options: dict[str, Any], code: str) -> None:
    if code == "EP-178":
        pytest.importorskip("imgtool")
    given = {"KEY": key, "MODEL": MODEL, "FOLDER": tmp_path}
    with pytest.raises(EdgepackError) as caught:
        export(MODEL, form, tmp_path / "out", **{name: given.get(str(value), value) for name, value in options.items()})
    assert caught.value.code == code and not (tmp_path / "out" / "net.image").exists()


def test_the_base_must_be_an_older_image_of_the_same_name(key: Path, tmp_path: Path) -> None:
    export(BEFORE, "ota-image", tmp_path / "1", sign=key, image_version=2)
    base = tmp_path / "1" / "net.image"
    with pytest.raises(EdgepackError, match="not above") as caught:
        export(MODEL, "ota-image", tmp_path / "2", sign=key, image_version=2, base=base)
    assert caught.value.code == "EP-174"
    with pytest.raises(EdgepackError, match="'net', not of 'other'"):
        edgepack.export(MODEL, "ota-image", out=tmp_path / "2", name="other", quiet=True, sign=key, image_version=3, base=base)
    base.write_bytes(base.read_bytes()[:-300] + bytes(300))
    with pytest.raises(EdgepackError, match="altered"):
        export(MODEL, "ota-image", tmp_path / "2", sign=key, image_version=3, base=base)


def test_mcuboot_gets_an_image_and_the_command_that_signs_it(tmp_path: Path) -> None:
    pytest.importorskip("imgtool")
    export(MODEL, "mcuboot", tmp_path / "net")
    assert (tmp_path / "net" / "net.bin").read_bytes() == MODEL.read_bytes()
    imgtool = [sys.executable, "-m", "imgtool.main"]
    pem = tmp_path / "key.pem"
    subprocess.run([*imgtool, "keygen", "-k", pem, "-t", "ed25519"], check=True)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "imgtool").write_text(f'#!/bin/sh\nexec {sys.executable} -m imgtool.main "$@"\n')
    (tools / "imgtool").chmod(0o755)
    import os

    path = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run(["sh", "net/sign.sh", "key.pem"], check=True, cwd=tmp_path, env=path)
    by_hand = (tmp_path / "net" / "net.signed.bin").read_bytes()
    export(MODEL, "mcuboot", tmp_path / "signed", sign=pem)
    signed = tmp_path / "signed" / "net.signed.bin"
    assert signed.read_bytes() == by_hand  # Ed25519 signs the same content alike
    checked = subprocess.run([*imgtool, "verify", "-k", pem, signed], capture_output=True, text=True)
    assert checked.returncode == 0 and "correctly validated" in checked.stdout
    assert signed.read_bytes()[0x200:][: len(MODEL.read_bytes())] == MODEL.read_bytes()
