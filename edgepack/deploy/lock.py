"""One deployer at a time: a lock on the device that tells who holds it, and that a dead deployer cannot hold for long.

The lock is a folder (mkdir succeeds for one only) with the owner's token, its name, and the device's time of its last sign
of life, renewed from a thread. It counts as stale when the owner was a process of this machine that has ended, when the
device has rebooted since, or when no sign of life came for `SILENCE` seconds by the device's own clock.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from edgepack.deploy.script import check_script, run_script
from edgepack.devices import Device
from edgepack.errors import DeviceError
from edgepack.progress import Progress

SILENCE = 300  # seconds
_HEARTBEAT = 30.0
_BREAKS = 5  # a stale lock that stays after so many attempts counts as held
_NAMELESS = 3.0  # seconds after which a lock without an owner was left by a deployer cut off while taking it

_ACQUIRE = """\
mkdir -p -- "${1%/*}" || exit 70
if mkdir -- "$1" 2>/dev/null; then
  # cat, because the shell's own printf says "I/O error" for a full disk
  printf '%s' "$2" | cat >"$1/token" && date +%s >"$1/time" && printf '%s' "$3" | cat >"$1/owner" || { rm -rf -- "$1"; exit 71; }
  echo acquired
elif [ -d "$1" ]; then
  echo busy; cat "$1/owner" 2>/dev/null; echo; cat "$1/time" 2>/dev/null || echo; date +%s
else
  mkdir -- "$1"
fi
"""
_RENEW = '[ "$(cat "$1/token" 2>/dev/null)" = "$2" ] && date +%s >"$1/.time" && mv -f "$1/.time" "$1/time"'
_RELEASE = '[ "$(cat "$1/token" 2>/dev/null)" = "$2" ] && mv "$1" "$1.released.$2" && rm -rf -- "$1.released.$2"'
# Breakers take turns, and each takes away only the lock that was judged: when another was faster, a new lock is there.
_BREAK = """\
find "$1.break" -maxdepth 0 -mmin +1 -exec rmdir {} + 2>/dev/null
mkdir "$1.break" 2>/dev/null || exit 0
[ "$(cat "$1/token" 2>/dev/null)" = "$3" ] && mv "$1" "$1.stale.$2" && rm -rf -- "$1.stale.$2"
rmdir "$1.break"
"""

_held: set[str] = set()


class DeviceLock:
    """The lock at `path` while the block runs.

    Args:
        device: Where.
        path: The lock's folder.
        progress: Told when a stale lock is cleared.
        wait: Seconds to wait for another holder to finish.

    Raises:
        DeviceError: EP-514 when another deployer holds it.
    """

    def __init__(self, device: Device, path: str, progress: Progress, wait: float = 0.0) -> None:
        self.token = secrets.token_hex(8)
        self._device = device
        self._path = path
        self._progress = progress
        self._wait = wait
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> DeviceLock:
        end = time.monotonic() + self._wait
        nameless_since: float | None = None
        broken = 0
        while True:
            owner, age = self._try()
            if owner is None:
                break
            now = time.monotonic()
            nameless_since = None if owner else nameless_since or now
            why = _why_stale(owner, age, self._device, nameless_since is not None and now - nameless_since > _NAMELESS)
            if why is not None and broken < _BREAKS:
                broken += 1
                self._progress.note(f"{self._device.name}: cleared a stale lock of {_who(owner)}: {why}")
                run_script(self._device, _BREAK, [self._path, self.token, str(owner.get("token", ""))])
                time.sleep(0.1 * (broken - 1))
                continue
            if now > end and (owner or broken >= _BREAKS):
                raise DeviceError(
                    "EP-514",
                    f"{self._device.name}: {_who(owner)} is deploying there now",
                    f"wait for it to finish; a lock without a sign of life for {SILENCE} s is cleared by itself",
                )
            time.sleep(1.0)
        _held.add(self.token)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        _held.discard(self.token)
        # With the link gone the lock stays; the next deployer sees that its owner is, too.
        with suppress(DeviceError):
            run_script(self._device, _RELEASE, [self._path, self.token], timeout=15.0)

    def _try(self) -> tuple[dict[str, Any] | None, int | None]:
        """Take the lock: (None, None), or its holder ({} when it gave no name) and the seconds since its sign of life."""
        owner = {
            "token": self.token,
            "user": getpass.getuser() if os.environ.get("USER") else f"uid {os.getuid()}",
            "host": socket.gethostname(),
            "machine": _machine(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "device_boot": self._device.facts().boot,
        }
        said = check_script(self._device, _ACQUIRE, [self._path, self.token, json.dumps(owner)], self._path).split("\n")
        if said[0] == "acquired":
            return None, None
        try:
            holder = json.loads(said[1])
        except (ValueError, IndexError):
            holder = {}
        try:
            age: int | None = int(said[3]) - int(said[2])
        except (ValueError, IndexError):
            age = None
        return (holder if isinstance(holder, dict) else {}), age

    def _renew(self) -> None:
        while not self._stop.wait(_HEARTBEAT):
            with suppress(DeviceError):
                run_script(self._device, _RENEW, [self._path, self.token], timeout=20.0)


def _why_stale(owner: dict[str, Any], age: int | None, device: Device, nameless: bool) -> str | None:
    """Why a lock is stale; None when it may still be held. A clock that was set makes an age large either way."""
    if nameless:
        return "whoever took it was cut off"
    boot = device.facts().boot
    if owner.get("device_boot") and boot and owner["device_boot"] != boot:
        return "the device has rebooted since"
    if owner.get("machine") == _machine():
        pid = owner.get("pid")
        if pid == os.getpid() and owner.get("started") == _started(os.getpid()):
            return None if owner.get("token") in _held else "its deployment has ended"
        if isinstance(pid, int) and _started(pid) != owner.get("started"):
            return "its process has ended"
    if age is not None and abs(age) > SILENCE:
        return f"no sign of life for {abs(age)} s"
    return None


def _who(owner: dict[str, Any]) -> str:
    return f"{owner.get('user', 'somebody')}@{owner.get('host', 'unknown')}" if owner else "an unknown deployer"


def _machine() -> str:
    """This boot of this machine (and container): only here do process numbers mean something."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _started(pid: int) -> str | None:
    """When a process started, so that a number given anew is not mistaken for it; None when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
