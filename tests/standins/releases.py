"""What must be true of a device at any moment: `current` leads to a release that is complete."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from edgepack.pack import read_pack


def current_release(root: Path, name: str) -> str | None:
    """The id of the current release, checked in every byte by other means than the deployment's own; None when there is none."""
    link = root / name / "current"
    if not link.is_symlink():
        assert not link.exists()
        return None
    folder = link.resolve(strict=True)
    assert folder.parent == (root / name / "releases").resolve()
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "SHA256SUMS"], cwd=folder, check=True)
    assert read_pack(folder).id == folder.name
    return folder.name


def no_leftovers(root: Path, name: str) -> None:
    """Nothing temporary below a model's folder."""
    folder = root / name
    usual = {"blobs", "current", "deployments", "incoming", "releases"}
    assert {path.name for path in folder.iterdir()} - {"previous"} == usual
    blobs = {path.name: path for path in (folder / "blobs").iterdir()}
    used = {line[:64] for sums in folder.glob("releases/*/SHA256SUMS") for line in sums.read_text().splitlines()}
    assert set(blobs) == used, "content is kept as long as a release uses it"
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == digest for digest, path in blobs.items())
    assert list((folder / "incoming").iterdir()) == []
    assert not [path for path in root.rglob("*") if ".part-" in path.name or path.name in (".sums", ".new")]
    writable = [path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022]
    assert writable == [], "nothing may be writable by others"
