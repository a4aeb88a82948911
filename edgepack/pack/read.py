"""Reading a pack back, with every hash checked."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from edgepack.ground.errors import ModelError
from edgepack.ground.files import canonical_json, sha256_file
from edgepack.ground.foreign import parse_json, read_regular
from edgepack.pack.golden import read_golden
from edgepack.pack.manifest import NAME, SCHEMA, pack_id
from edgepack.pack.write import GOLDEN, MODEL, Pack

_LARGEST = 16 << 20  # bytes of a manifest

AGAIN = "write the pack again with `edgepack deploy`, or copy it again"


def read_pack(folder: Path) -> Pack:
    """The pack in `folder`. Files that its manifest does not list are none of its business.

    Raises:
        ModelError: EP-250 not a pack, or of another version; EP-251 a file is missing or not what the manifest says.
    """
    manifest = _read_manifest(folder)
    for relative, entry in manifest["files"].items():
        _check_file(folder, relative, entry)
    for needed in (MODEL, f"{GOLDEN}/golden.json"):
        if needed not in manifest["files"]:
            raise ModelError("EP-251", f"the pack {folder} has no {needed}", AGAIN)
    name = str(manifest["name"])
    return Pack(folder, name, str(manifest["id"]), manifest, folder / MODEL, read_golden(folder / GOLDEN))


def check_pack(pack: Pack) -> dict[str, str]:
    """Compare a pack's files with what they were when it was made or read; the SHA-256 of each by its path, the manifest's too.

    Raises:
        ModelError: EP-250 there is no pack any more; EP-251 a file is missing or altered, or the pack is another.
    """
    file = pack.folder / NAME
    if _read_manifest(pack.folder)["id"] != pack.id:
        raise ModelError("EP-251", f"{file} was altered: it is not that of pack {pack.id}", AGAIN)
    for relative, entry in pack.manifest["files"].items():
        _check_file(pack.folder, relative, entry)
    digests = {relative: str(entry["sha256"]) for relative, entry in pack.manifest["files"].items()}
    return {**digests, NAME: sha256_file(file)}


def _read_manifest(folder: Path) -> dict[str, Any]:
    file = folder / NAME
    try:
        content = read_regular(file, _LARGEST)
        manifest = parse_json(content)
    except FileNotFoundError as error:
        raise ModelError("EP-250", f"{folder} is not a pack: it has no {NAME}", "give the folder of a pack") from error
    except (OSError, ValueError) as error:
        raise ModelError("EP-250", f"cannot read {file}: {error}", AGAIN) from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA:
        version = manifest.get("schema") if isinstance(manifest, dict) else None
        raise ModelError("EP-250", f"{file} has version {version}, this edgepack reads version {SCHEMA}", AGAIN)
    if not isinstance(manifest.get("files"), dict) or not isinstance(manifest.get("name"), str):
        raise ModelError("EP-250", f"{file} lacks its name or its list of files", AGAIN)
    if not _is_as_written(manifest, content):
        raise ModelError("EP-251", f"{file} was altered: its content does not give its id {manifest.get('id')}", AGAIN)
    return manifest


def _is_as_written(manifest: dict[str, Any], content: bytes) -> bool:
    """Whether the id follows from the content, and every byte from the values."""
    try:
        return bool(manifest.get("id") == pack_id(manifest)) and content == canonical_json(manifest)
    except UnicodeEncodeError:  # a lone surrogate, which no manifest of edgepack's holds
        return False


def _check_file(folder: Path, relative: str, entry: Any) -> None:
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or not isinstance(entry, dict):
        raise ModelError("EP-251", f"the manifest of {folder} lists the impossible file {relative}", AGAIN)
    file = folder / path
    if file.is_symlink() or not file.is_file():
        raise ModelError("EP-251", f"the pack {folder} lacks {relative}", AGAIN)
    if file.stat().st_size != entry.get("bytes") or sha256_file(file) != entry.get("sha256"):
        raise ModelError("EP-251", f"{relative} in the pack {folder} was altered", AGAIN)
