"""A release's files onto the device: what is there already is copied there, the rest is sent, everything is verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack.deploy.layout import Layout
from edgepack.deploy.script import check_script
from edgepack.deploy.space import check_space
from edgepack.devices import Device
from edgepack.devices.upload import SHA256_FUNCTION
from edgepack.errors import DeviceError
from edgepack.files import sha256_file
from edgepack.progress import Task

SUMS = "SHA256SUMS"
"""The file in each release that lists every other one, as sha256sum writes it."""

# Leftovers of runs that were stopped: the lock is held, so nobody else is using them. An upload of this very release stays.
_PREPARE = """\
mkdir -p -- "$1/incoming/$2" "$1/releases" && cd "$1" || exit 70
for f in incoming/* .current.* .previous.* .switch.* .trash.* lock.stale.* lock.released.* lock.break; do
  case "$f" in "incoming/$2") ;; *) rm -rf -- "$f" ;; esac
done
for f in releases/*/SHA256SUMS; do
  [ -f "$f" ] && while read -r sum name; do printf '%s %s/%s\\n' "$sum" "${f%/SHA256SUMS}" "$name"; done <"$f"
done
:
"""

_COPY = """\
cd "$1" || exit 70
while IFS= read -r from && IFS= read -r to; do
  [ -f "$to" ] && continue
  mkdir -p -- "${to%/*}" && cp -- "$from" "$to.part-copy" && mv -f -- "$to.part-copy" "$to" || exit 71
done
"""

# Reads "<sha256>  <name>" lines, prints the names of files that are missing or different.
_VERIFY = (
    SHA256_FUNCTION
    + """\
cd "$1" 2>/dev/null || { cut -c67-; exit 0; }
while read -r sum name; do
  [ -f "$name" ] && [ "$(sha256 "$name")" = "$sum" ] || printf '%s\\n' "$name"
done
"""
)


@dataclass(frozen=True)
class Sent:
    """How a release came onto the device: bytes uploaded and bytes found there."""

    uploaded: int
    reused: int


def release_files(folder: Path) -> dict[str, Path]:
    """Every file of a pack by its path inside it, sorted.

    Raises:
        DeviceError: EP-529 for a file name that a list of checksums cannot hold.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    for name in files:
        if any(ord(character) < 32 or character == "\\" for character in name) or name != name.strip():
            raise DeviceError("EP-529", f"the pack holds a file that cannot be deployed: {name!r}", "rename the file")
    return files


def checksums(files: dict[str, Path]) -> str:
    """The lines of SHA256SUMS."""
    return "".join(f"{sha256_file(path)}  {name}\n" for name, path in files.items() if name != SUMS)


def wrong_files(device: Device, folder: str, sums: str) -> list[str]:
    """The files below `folder` on the device that are missing or not what `sums` says."""
    said = check_script(device, _VERIFY, [folder], folder, timeout=300.0, stdin=sums.encode())
    return [line for line in said.splitlines() if line]


def send_release(device: Device, layout: Layout, identity: str, pack: Path, task: Task) -> Sent:
    """Bring the pack's files to `incoming/<identity>`, or mend `releases/<identity>` when it is there already.

    Raises:
        DeviceError: EP-510 no room, EP-511 not writable, EP-515 damaged on the way, or a failing link.
    """
    files = release_files(pack)
    sums = checksums(files)
    known = _inventory(check_script(device, _PREPARE, [layout.folder, identity], layout.folder))
    final = layout.release(identity)
    there = set(wrong_files(device, final, sums))
    if len(there) < len(sums.splitlines()):
        # The release is there: only files that were damaged since are sent, each taking its place at once.
        sent = _send(device, final, files, sorted(there), task)
        _write_sums(device, final, sums)
        return Sent(sent, sum(files[name].stat().st_size for name in files if name not in there and name != SUMS))
    folder = layout.incoming(identity)
    wanted = dict(line.split("  ", 1)[::-1] for line in sums.splitlines())
    missing = wrong_files(device, folder, sums)
    check_space(device, layout.folder, sum(files[name].stat().st_size for name in missing))
    copies = [f"{known[wanted[name]]}\n{folder}/{name}\n" for name in missing if wanted[name] in known]
    if copies:
        check_script(device, _COPY, [layout.folder], folder, timeout=300.0, stdin="".join(copies).encode())
        missing = wrong_files(device, folder, sums)
    sent = _send(device, folder, files, missing, task)
    _write_sums(device, folder, sums)
    wrong = wrong_files(device, folder, sums)
    if wrong:
        raise DeviceError(
            "EP-515", f"{device.name}: {wrong[0]} is damaged after the upload", "check the device's storage and run again"
        )
    return Sent(sent, sum(path.stat().st_size for name, path in files.items() if name != SUMS) - sent)


def send_folder(device: Device, folder: str, files: dict[str, Path], task: Task) -> None:
    """Send files, by their path inside it, to a folder that nothing is kept of; each is verified on the device."""
    check_script(device, 'mkdir -p -- "$1"', [folder], folder)
    check_space(device, folder, sum(file.stat().st_size for file in files.values()))
    _send(device, folder, files, list(files), task)


def _inventory(said: str) -> dict[str, str]:
    """Files that releases on the device hold, by SHA-256, relative to the model's folder."""
    found = {}
    for line in said.splitlines():
        digest, _, path = line.partition(" ")
        if len(digest) == 64:
            found[digest] = path
    return found


def _send(device: Device, folder: str, files: dict[str, Path], names: list[str], task: Task) -> int:
    total = sum(files[name].stat().st_size for name in names)
    done = 0
    for name in names:
        device.put(files[name], f"{folder}/{name}")
        done += files[name].stat().st_size
        task.update(done, total, name)
    return total


def _write_sums(device: Device, folder: str, sums: str) -> None:
    script = 'cd "$1" && cat >.sums && mv -f .sums "$2" && find . -name "*.part-*" -exec rm -f {} +'
    check_script(device, script, [folder, SUMS], folder, stdin=sums.encode())
