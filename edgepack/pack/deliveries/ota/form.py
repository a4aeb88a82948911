"""NAME.tflite.xz and NAME.tflite.gz, NAME.json that says what they are, and unpack.py for devices with Python."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edgepack.flatbuffer import read_model
from edgepack.ground.files import canonical_json
from edgepack.ground.small import Form as SmallForm
from edgepack.ground.small import small
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.deliveries.writing import write_beside

_UNPACK = Path(__file__).with_name("unpack.py")
_FORMS: tuple[SmallForm, ...] = ("xz", "gz")  # the smallest first


def ota_files(content: bytes, name: str) -> dict[str, bytes]:
    """The files of an update by their names.

    Raises:
        ModelError: EP-20x for a malformed model.
    """
    read_model(content)
    forms = {f"{name}.tflite.{form}": small(content, form) for form in _FORMS}
    description = {
        "schema": 1,
        "model": _entry(f"{name}.tflite", content),
        "forms": [_entry(file, packed) for file, packed in forms.items()],
    }
    return {f"{name}.json": canonical_json(description), **forms, _UNPACK.name: _UNPACK.read_bytes()}


def _entry(file: str, content: bytes) -> dict[str, object]:
    return {"file": file, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _write(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    content = model.read_bytes()
    files = ota_files(content, name)
    sizes = ", ".join(f"{file} {len(files[file]):,} B" for file in files if file.startswith(f"{name}.tflite."))
    options.note(f"on disk {len(content):,} B; {sizes}")
    return write_beside(folder, files)


FORM = Form(
    "ota", "the .tflite packed without loss (.xz, .gz) for an update over the air, with what verifies and unpacks it", _write
)
