"""A model for an update over the air: what other tools unpack, what is refused, and what a failure leaves behind."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgepack.ground.errors import ModelError
from edgepack.pack.deliveries.form import Options
from edgepack.pack.deliveries.ota.form import FORM, ota_files

MODEL = Path(__file__).parents[1] / "flatbuffer" / "coded" / "clustered.tflite"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    FORM.write(MODEL, "net", tmp_path / "ota", Options())
    return tmp_path / "ota"


def unpack(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The program as a device runs it, without edgepack."""
    command = [sys.executable, "-I", str(folder / "unpack.py"), *map(str, words or (folder / "net.json",))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def others(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"net.json", "unpack.py", "net.tflite.xz", "net.tflite.gz"}


def test_the_forms_are_those_that_everybody_unpacks(folder: Path) -> None:
    content = MODEL.read_bytes()
    assert gzip.decompress((folder / "net.tflite.gz").read_bytes()) == content
    if shutil.which("xz"):
        assert subprocess.run(["xz", "-dc", folder / "net.tflite.xz"], capture_output=True, check=True).stdout == content
    said = json.loads((folder / "net.json").read_text())
    for entry in said["forms"]:
        packed = (folder / entry["file"]).read_bytes()
        assert (entry["bytes"], entry["sha256"]) == (len(packed), hashlib.sha256(packed).hexdigest())
        assert len(packed) < len(content)
    assert said["model"] == {"file": "net.tflite", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_the_same_model_gives_the_same_bytes() -> None:
    assert ota_files(MODEL.read_bytes(), "net") == ota_files(MODEL.read_bytes(), "net")


@pytest.mark.parametrize("form", ["xz", "gz"])
def test_the_model_comes_out_bit_for_bit(folder: Path, form: str) -> None:
    (folder / f"net.tflite.{'gz' if form == 'xz' else 'xz'}").unlink()
    done = unpack(folder)
    assert (done.returncode, done.stderr, done.stdout.strip()) == (0, "", str(folder / "net.tflite"))
    assert (folder / "net.tflite").read_bytes() == MODEL.read_bytes() and others(folder) == {"net.tflite"}
    elsewhere = folder.parent / "model"
    assert unpack(folder, folder / "net.json", elsewhere).returncode == 0
    assert elsewhere.read_bytes() == MODEL.read_bytes()


@pytest.mark.parametrize("form", ["xz", "gz"])
@pytest.mark.parametrize("how", ["cut", "changed", "empty", "another", "more"])
def test_damage_is_refused_in_a_line_and_the_old_model_stays(folder: Path, form: str, how: str) -> None:
    (folder / f"net.tflite.{'gz' if form == 'xz' else 'xz'}").unlink()
    packed = folder / f"net.tflite.{form}"
    whole = packed.read_bytes()
    other = ota_files(MODEL.with_name("pruned.tflite").read_bytes(), "net")[packed.name]
    changed = whole[:400] + bytes([whole[400] ^ 4]) + whole[401:]
    packed.write_bytes({"cut": whole[:-40], "changed": changed, "empty": b"", "another": other, "more": whole + whole}[how])
    (folder / "net.tflite").write_text("old")
    done = unpack(folder)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith(f"unpack: {packed}") and done.stderr.count("\n") == 1
    assert (folder / "net.tflite").read_text() == "old" and others(folder) == {"net.tflite"}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"model": {}}', '{"model": {"file": "../x", "bytes": 1, "sha256": "0"}, "forms": []}']
)
def test_a_description_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "net.json").write_text(text)
    done = unpack(folder)
    assert done.returncode == 1 and done.stderr.startswith(f"unpack: {folder / 'net.json'}") and done.stderr.count("\n") == 1
    assert others(folder) == set()


def test_a_description_leads_out_of_no_folder(folder: Path) -> None:
    said = json.loads((folder / "net.json").read_text())
    said["model"]["file"] = "../outside"
    (folder / "net.json").write_text(json.dumps(said))
    assert unpack(folder).returncode == 1 and not (folder.parent / "outside").exists()


def test_no_form_there_is_told(folder: Path) -> None:
    for form in ("xz", "gz"):
        (folder / f"net.tflite.{form}").unlink()
    assert "none of net.tflite.xz, net.tflite.gz is beside" in unpack(folder).stderr


def test_a_full_disk_leaves_nothing_half_written(folder: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        done = unpack(folder, folder / "net.json", disk / "model")
        assert done.returncode == 1 and "No space left on device" in done.stderr and done.stderr.count("\n") == 1
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_the_export_says_both_sizes(tmp_path: Path) -> None:
    notes: list[str] = []
    FORM.write(MODEL, "net", tmp_path, Options(note=notes.append))
    xz = (tmp_path / "net.tflite.xz").stat().st_size
    assert notes[0].startswith(f"on disk {MODEL.stat().st_size:,} B; net.tflite.xz {xz:,} B, net.tflite.gz ")


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError):
        ota_files(b"no model", "net")
