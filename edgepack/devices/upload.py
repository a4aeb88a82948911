"""Files onto a device: to a temporary name, resumed where a link was cut, verified by SHA-256, then renamed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from edgepack.devices.device import Completed
from edgepack.ground.errors import DeviceError
from edgepack.ground.files import sha256_file
from edgepack.ground.foreign import whole_number
from edgepack.ground.progress import Task

SHA256_FUNCTION = """\
sha256() {
  if command -v sha256sum >/dev/null 2>&1; then s=$(sha256sum <"$1")
  elif command -v shasum >/dev/null 2>&1; then s=$(shasum -a 256 <"$1")
  else s=$(openssl dgst -sha256 <"$1"); s=${s##*= }; fi
  echo "${s%% *}"
}
"""

_RECEIVE = (
    SHA256_FUNCTION
    + """\
mkdir -p -- "${1%/*}" || exit 70
if [ "$5" = 0 ]; then cat >"$2"; else cat >>"$2"; fi || exit 71
[ "$(wc -c <"$2")" -eq "$3" ] || exit 72
[ "$(sha256 "$2")" = "$4" ] || { rm -f -- "$2"; exit 73; }
chmod 644 "$2" && mv -f -- "$2" "$1" || exit 74
rm -f -- "$1".part-*
"""
)

# What arrived is copied: a session of the link that was cut may still be writing to its own file.
_LOOK = (
    SHA256_FUNCTION
    + """\
if [ -f "$1" ] && [ "$(wc -c <"$1")" -eq "$3" ] && [ "$(sha256 "$1")" = "$4" ]; then echo complete; exit; fi
most=0 from=
for f in "$1.part-$5-"*; do
  [ -f "$f" ] || continue
  n=$(wc -c <"$f")
  if [ "$n" -gt "$most" ] && [ "$n" -le "$3" ]; then most=$n from=$f; fi
done
[ -n "$from" ] && { cp -- "$from" "$2" || rm -f -- "$2"; }
for f in "$1".part-*; do [ "$f" = "$2" ] || rm -f -- "$f"; done
if [ -f "$2" ]; then wc -c <"$2"; else echo 0; fi
"""
)

_RESUMABLE = 1 << 20  # smaller files are sent anew; asking for what is there costs as much
_STALL = 30.0  # seconds without a byte moving


class _Feeds(Protocol):
    name: str

    def run(self, argv: Sequence[str], *, timeout: float, stdin: bytes | None = None) -> Completed: ...

    def feed(
        self, argv: Sequence[str], source: BinaryIO, *, timeout: float, stall: float, on_sent: Callable[[int], None] | None
    ) -> Completed: ...


def upload(device: _Feeds, local: Path, remote: str, task: Task | None = None, stall: float = _STALL) -> None:
    """Copy `local` to the absolute path `remote`.

    What arrives goes to `<remote>.part-<hash>-<number used once>`; a later attempt with the same content goes on from there.
    Only a file whose size and SHA-256 are right on the device gets its name. A large file that is there already is not sent
    again.

    Raises:
        DeviceError: EP-510 disk full, EP-511 not writable, EP-515 the content arrived damaged twice, or a failing link.
    """
    size, digest = local.stat().st_size, sha256_file(local)
    for attempt in (1, 2):
        part = f"{remote}.part-{digest[:16]}-{secrets.token_hex(4)}"
        offset = _arrived(device, remote, part, size, digest) if size >= _RESUMABLE and attempt == 1 else 0
        if offset is None:
            return
        with local.open("rb") as source:
            source.seek(offset)
            completed = device.feed(
                ["sh", "-c", _RECEIVE, "sh", remote, part, str(size), digest, str(offset)],
                source,
                timeout=60.0 + size / 2e6,
                stall=stall,
                on_sent=None if task is None else _report(task, offset, size, local.name),
            )
        if completed.status == 0:
            if task is not None:
                task.update(size, size, local.name)
            return
        device.run(["rm", "-f", "--", part], timeout=20.0)
        if completed.status not in (72, 73):
            raise file_failure(device.name, remote, completed)
    raise DeviceError(
        "EP-515", f"{local.name} arrived damaged on {device.name}, twice", "check the connection and the device's storage"
    )


def _arrived(device: _Feeds, remote: str, part: str, size: int, digest: str) -> int | None:
    """How many bytes of an earlier attempt are there, 0 when they cannot be a beginning of the file; None: it is complete."""
    completed = device.run(["sh", "-c", _LOOK, "sh", remote, part, str(size), digest, digest[:16]], timeout=60.0 + size / 2e6)
    if completed.text == "complete":
        return None
    there = whole_number(completed.text) or 0
    return there if there <= size else 0


def _report(task: Task, offset: int, size: int, name: str) -> Callable[[int], None]:
    return lambda sent: task.update(offset + sent, size, name)


def file_failure(name: str, path: str, completed: Completed) -> DeviceError:
    """The error behind a failed file operation on a device, from what the tool said."""
    said = completed.stderr.decode("utf-8", "replace")
    if any(text in said for text in ("No space left", "Disk quota exceeded", "File too large", "not enough space")):
        return DeviceError("EP-510", f"{name}: the disk is full while writing {path}", "free some space on the device")
    if any(text in said for text in ("Read-only file system", "Permission denied", "Operation not permitted")):
        return DeviceError(
            "EP-511", f"{name}: {path} cannot be written", "make the folder writable, or set [device] root to one that is"
        )
    detail = completed.last_error_line or f"exit status {completed.status}"
    return DeviceError("EP-512", f"{name}: {path}: {detail}", "check the folder on the device")
