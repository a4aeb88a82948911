"""One deployer at a time: a lock on the device that tells who holds it, and that a dead deployer cannot hold for long.

The lock is a folder (mkdir succeeds for one only) with the owner's token, its name, where it came from, and the device's time of
its last sign of life, renewed from a thread. It counts as stale when the owner was a process of this machine that has ended,
when the device has rebooted since, or when no sign of life came for `SILENCE` seconds. Times are the device's seconds since
its boot (the date only where those are not told) and are compared with each other alone: neither this machine's clock nor a
device's date that is set in the meantime makes a lock look older or younger.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from edgepack.devices import Device
from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import parse_json
from edgepack.ground.progress import Progress
from edgepack.remote.script import check_script, run_script

SILENCE = 300  # seconds
_HEARTBEAT = 30.0
_LONGEST = 10_000  # characters of what a lock says of its owner
_BREAKS = 5  # a stale lock that stays after so many attempts counts as held
_NAMELESS = 3.0  # seconds after which a lock without an owner was left by a deployer cut off while taking it

# Seconds since the device's boot where it tells them: unlike the date, nobody sets them.
_CLOCK = """\
clock() { if { read -r up rest </proc/uptime; } 2>/dev/null; then echo "up ${up%%.*}"; else date '+date %s'; fi; }
"""
_ACQUIRE = (
    _CLOCK
    + """\
mkdir -p -- "${1%/*}" || exit 70
if mkdir -- "$1" 2>/dev/null; then
  # cat, because the shell's own printf says "I/O error" for a full disk
  printf '%s' "$2" | cat >"$1/token" && clock | cat >"$1/time" && cat "$1/time" >"$1/taken" \\
    && printf '%s' "${SSH_CONNECTION%% *}" | cat >"$1/from" && printf '%s' "$3" | cat >"$1/owner" || { rm -rf -- "$1"; exit 71; }
  echo acquired
elif [ -d "$1" ]; then
  echo busy
  for f in owner time taken from; do cat "$1/$f" 2>/dev/null | tr -d '\\n'; echo; done
  clock; date '+date %s'
else
  mkdir -- "$1"
fi
"""
)
_RENEW = _CLOCK + '[ "$(cat "$1/token" 2>/dev/null)" = "$2" ] && clock >"$1/.time" && mv -f "$1/.time" "$1/time"'
_RELEASE = '[ "$(cat "$1/token" 2>/dev/null)" = "$2" ] && mv "$1" "$1.released.$2" && rm -rf -- "$1.released.$2"'
# Breakers take turns, and each takes away only the lock that was judged: when another was faster, a new lock is there. A turn
# that was cut off ends after a minute.
_BREAK = (
    _CLOCK
    + """\
now=$(clock) then=$(cat "$1.break/time" 2>/dev/null)
if [ "${now% *}" = "${then% *}" ]; then
  passed=$((${now#* } - ${then#* }))
  if [ "$passed" -gt 60 ] || [ "$passed" -lt 0 ]; then rm -rf -- "$1.break"; fi
else
  find "$1.break" -maxdepth 0 -mmin +1 -exec rm -rf {} + 2>/dev/null
fi
mkdir "$1.break" 2>/dev/null || exit 0
printf '%s\\n' "$now" >"$1.break/time"
[ "$(cat "$1/token" 2>/dev/null)" = "$3" ] && mv "$1" "$1.stale.$2" && rm -rf -- "$1.stale.$2"
rm -rf -- "$1.break"
"""
)

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
        _held.add(self.token)  # before the device has it: another thread may find the lock there at once
        try:
            self._take()
        except BaseException:
            _held.discard(self.token)
            raise
        self._thread.start()
        return self

    def _take(self) -> None:
        end = time.monotonic() + self._wait
        nameless_since: float | None = None
        broken = 0
        while True:
            try:
                holder = self._try()
            except KeyboardInterrupt:
                self._give_back()
                raise
            if holder is None:
                return
            now = time.monotonic()
            nameless_since = None if holder.owner else nameless_since or now
            why = _why_stale(holder, self._device, nameless_since is not None and now - nameless_since > _NAMELESS)
            if why is not None and broken < _BREAKS:
                broken += 1
                self._progress.note(f"{self._device.name}: cleared a stale lock of {holder.who}{holder.since}: {why}")
                run_script(self._device, _BREAK, [self._path, self.token, str(holder.owner.get("token", ""))])
                time.sleep(0.1 * (broken - 1))
                continue
            if now > end and (holder.owner or broken >= _BREAKS):
                silent = f", last sign of life {_span(holder.silent)} ago" if holder.silent and holder.silent > 60 else ""
                what = "measuring" if self._path.endswith("/.measuring") else "deploying"
                raise DeviceError(
                    "EP-514",
                    f"{self._device.name}: {holder.who} is {what} there now{holder.since}{silent}",
                    f"wait for it to finish; a lock without a sign of life for {SILENCE} s is cleared by itself",
                )
            time.sleep(1.0)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        try:
            self._give_back()
        finally:
            _held.discard(self.token)

    def _give_back(self) -> None:
        try:
            self._release()
        except KeyboardInterrupt:  # an interruption that came now may not leave the lock behind
            self._release()
            raise

    def _release(self) -> None:
        # With the link gone the lock stays; the next deployer sees that its owner is, too.
        with suppress(DeviceError):
            run_script(self._device, _RELEASE, [self._path, self.token], timeout=15.0)

    def _try(self) -> _Holder | None:
        """Take the lock: None, or who has it."""
        owner = {
            "token": self.token,
            "user": _user(),
            "host": socket.gethostname(),
            "machine": _machine(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "device_boot": self._device.facts().boot,
        }
        said = check_script(self._device, _ACQUIRE, [self._path, self.token, json.dumps(owner)], self._path).split("\n")
        return None if said[0] == "acquired" else _holder(said[1:])

    def _renew(self) -> None:
        while not self._stop.wait(_HEARTBEAT):
            with suppress(DeviceError):
                run_script(self._device, _RENEW, [self._path, self.token], timeout=20.0)


@dataclass(frozen=True)
class _Holder:
    """Who has a lock. `owner` is {} when it gave no name; seconds are None when unknown, `silent` is negative after a reboot."""

    owner: dict[str, Any]
    silent: int | None
    taken: int | None
    address: str

    @property
    def who(self) -> str:
        """Such as "ann@laptop (process 4711)"."""
        if not self.owner:
            return "an unknown deployer"
        pid = self.owner.get("pid")
        process = f" (process {pid})" if isinstance(pid, int) else ""
        return f"{self.owner.get('user', 'somebody')}@{self.owner.get('host', 'unknown')}{process}"

    @property
    def since(self) -> str:
        """Such as ", since 3 min, from 10.0.0.7"."""
        since = f", since {_span(self.taken)}" if self.taken is not None and self.taken >= 0 else ""
        return since + (f", from {self.address}" if self.address else "")


def _holder(said: list[str]) -> _Holder:
    """From what _ACQUIRE says: owner, its last sign of life, when it came, its address, and the device's clocks now."""
    lines = [*said, *[""] * 6]
    try:
        owner = parse_json(lines[0][:_LONGEST])
    except ValueError:
        owner = {}
    clocks = dict(line.split(" ", 1) for line in lines[4:6] if " " in line)
    address = re.sub(r"[^0-9A-Za-z.:%-]", "", lines[3])[:64]
    return _Holder(owner if isinstance(owner, dict) else {}, _passed(lines[1], clocks), _passed(lines[2], clocks), address)


def _passed(then: str, clocks: dict[str, str]) -> int | None:
    """Seconds on the device since a time it wrote down: "up 512", "date 1766666666", or the date alone."""
    kind, _, value = then.rpartition(" ")
    try:
        passed = int(clocks[kind or "date"]) - int(value)
    except (KeyError, ValueError):
        return None
    return passed if kind == "up" else abs(passed)  # a date that was set counts as silence either way


def _why_stale(holder: _Holder, device: Device, nameless: bool) -> str | None:
    """Why a lock is stale; None when it may still be held."""
    if nameless:
        return "whoever took it was cut off"
    owner, boot = holder.owner, device.facts().boot
    rebooted = holder.silent is not None and holder.silent < 0
    if rebooted or (owner.get("device_boot") and boot and owner["device_boot"] != boot):
        return "the device has rebooted since"
    if owner.get("machine") == _machine():
        pid = owner.get("pid")
        if pid == os.getpid() and owner.get("started") == _started(os.getpid()):
            return None if owner.get("token") in _held else "its deployment has ended"
        if isinstance(pid, int) and _started(pid) != owner.get("started"):
            return "its process has ended"
    if holder.silent is not None and holder.silent > SILENCE:
        return f"no sign of life for {_span(holder.silent)}"
    return None


def _span(seconds: int) -> str:
    """Such as "40 s", "12 min" or "5 h"."""
    for size, unit in ((7200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds // (3600 if unit == 'h' else 60)} {unit}"
    return f"{seconds} s"


def _user() -> str:
    """The login's name, whatever the environment says of it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


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
