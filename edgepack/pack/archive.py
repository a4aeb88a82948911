"""A pack as one .zip file, the same bytes for the same pack."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from edgepack.ground.errors import EdgepackError
from edgepack.ground.files import write_atomic
from edgepack.pack.manifest import NAME, SIGNATURE_FILES
from edgepack.pack.write import Pack

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that the zip format can express."""


def zip_pack(pack: Pack, file: Path) -> Path:
    """Write the pack's files, and its signature where it has one, below a folder of its name to `file`.

    Entries are sorted and carry fixed times and permissions.

    Raises:
        EdgepackError: EP-252 when the file cannot be written.
    """
    beside = [name for name in SIGNATURE_FILES if (pack.folder / name).is_file()]
    names = sorted([*pack.manifest["files"], NAME, *beside])
    try:
        write_atomic(file, zip_bytes({f"{pack.name}/{name}": (pack.folder / name).read_bytes() for name in names}))
    except OSError as error:
        raise EdgepackError(
            "EP-252", f"cannot write {file}: {error.strerror}", "free some space, or choose another place"
        ) from error
    return file


def zip_bytes(files: dict[str, bytes]) -> bytes:
    """A .zip of `files`, sorted by name, without anything that changes between runs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()
