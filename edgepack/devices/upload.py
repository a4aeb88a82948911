"""Files onto a device: in a small form where that helps, to a temporary name, resumed where a link was cut, verified, then
renamed."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from edgepack.devices.device import Completed
from edgepack.devices.packed import Unpacker, packed
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

MODE_FUNCTION = """\
mode() { case $(umask) in *077) echo "${1%??}00" ;; *) echo "$1" ;; esac; }
"""
"""`mode 755` is the mode less what the umask takes, for chmod of Android 5 and older, which knows numbers only."""

_RECEIVE = (
    SHA256_FUNCTION
    + MODE_FUNCTION
    + """\
mkdir -p -- "${1%/*}" || exit 70
if [ "$5" = 0 ]; then cat >"$2"; else cat >>"$2"; fi || exit 71
[ "$(wc -c <"$2")" -eq "$3" ] || exit 72
[ "$(sha256 "$2")" = "$4" ] || { rm -f -- "$2"; exit 73; }
if [ -n "$6" ]; then
  raw=$1.part-raw-${2##*-}
  sh -c "$6" <"$2" >"$raw" && [ "$(wc -c <"$raw")" -eq "$7" ] && [ "$(sha256 "$raw")" = "$8" ] && mv -f -- "$raw" "$2" ||
    { rm -f -- "$raw"; exit 78; }
fi
chmod "$(mode 644)" "$2" && mv -f -- "$2" "$1" || exit 74
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
  if [ "$n" -gt "$most" ] && [ "$n" -le "$6" ]; then most=$n from=$f; fi
done
[ -n "$from" ] && { cp -- "$from" "$2" || rm -f -- "$2"; }
for f in "$1".part-*; do [ "$f" = "$2" ] || rm -f -- "$f"; done
if [ -f "$2" ]; then wc -c <"$2"; else echo 0; fi
"""
)

_RESUMABLE = 1 << 20  # smaller files are sent anew; asking for what is there costs as much
_NOT_UNPACKED = 78  # what _RECEIVE says
_STALL = 30.0  # seconds without a byte moving


class _Feeds(Protocol):
    name: str

    def unpacker(self) -> Unpacker | None: ...

    def run(self, argv: Sequence[str], *, timeout: float, stdin: bytes | None = None) -> Completed: ...

    def feed(
        self, argv: Sequence[str], source: BinaryIO, *, timeout: float, stall: float, on_sent: Callable[[int], None] | None
    ) -> Completed: ...


@dataclass(frozen=True)
class _Way:
    """What travels: the bytes of `open`, their number and SHA-256, and the device's command that makes the file of them ("")."""

    open: Callable[[], BinaryIO]
    size: int
    digest: str
    unpack: str


def upload(device: _Feeds, local: Path, remote: str, task: Task | None = None, stall: float = _STALL) -> int:
    """Copy `local` to the absolute path `remote`; the bytes that travelled.

    A file travels in a small form where that saves a tenth and the device can unpack it; where unpacking fails, for want of room
    for both forms or otherwise, it travels as it is. What arrives goes to `<remote>.part-<hash>-<number used once>`; a later
    attempt with the same content goes on from there. Only a file whose size and SHA-256 are right on the device gets its name.
    A large file that is there already is not sent again.

    Raises:
        DeviceError: EP-510 disk full, EP-511 not writable, EP-515 the content arrived damaged twice, or a failing link.
    """
    size, digest = local.stat().st_size, sha256_file(local)
    plain = _Way(lambda: local.open("rb"), size, digest, "")
    way = _small(device, local, digest) or plain
    damaged = 0
    while damaged < 2:
        part = f"{remote}.part-{way.digest[:16]}-{secrets.token_hex(4)}"
        offset = _arrived(device, remote, part, plain, way) if way.size >= _RESUMABLE and not damaged else 0
        if offset is None:
            return 0
        with way.open() as source:
            source.seek(offset)
            words = [remote, part, str(way.size), way.digest, str(offset), way.unpack, str(size), digest]
            completed = device.feed(
                ["sh", "-c", _RECEIVE, "sh", *words],
                source,
                timeout=60.0 + size / 2e6,
                stall=stall,
                on_sent=None if task is None else _report(task, offset, way.size, local.name),
            )
        if completed.status == 0:
            if task is not None:
                task.update(way.size, way.size, local.name)
            return way.size
        device.run(["rm", "-f", "--", part], timeout=20.0)
        if completed.status == _NOT_UNPACKED and way is not plain:
            way = plain
        elif completed.status in (72, 73):
            damaged += 1
        else:
            raise file_failure(device.name, remote, completed)
    raise DeviceError(
        "EP-515", f"{local.name} arrived damaged on {device.name}, twice", "check the connection and the device's storage"
    )


def _small(device: _Feeds, local: Path, digest: str) -> _Way | None:
    """The file's small form, where there is one that the device unpacks."""
    unpacker = device.unpacker()
    made = None if unpacker is None else packed(local, digest, unpacker.form)
    if unpacker is None or made is None:
        return None
    return _Way(partial(io.BytesIO, made), len(made), hashlib.sha256(made).hexdigest(), unpacker.command)


def _arrived(device: _Feeds, remote: str, part: str, whole: _Way, way: _Way) -> int | None:
    """How many bytes of an earlier attempt are there, 0 when they cannot be a beginning of what travels; None: it is complete."""
    words = [remote, part, str(whole.size), whole.digest, way.digest[:16], str(way.size)]
    completed = device.run(["sh", "-c", _LOOK, "sh", *words], timeout=60.0 + whole.size / 2e6)
    if completed.text == "complete":
        return None
    there = whole_number(completed.text) or 0
    return there if there <= way.size else 0


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
