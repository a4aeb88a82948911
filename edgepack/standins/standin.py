"""Stand-in devices: what an ssh target is deployed to when no real one is named.

A stand-in is this machine behind a loopback sshd, with a home folder of its own. It proves every step of a deployment; its
speed and memory are not the target's, and everything measured on it says so.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import pwd
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from platformdirs import user_state_path

from edgepack.ground.errors import DeviceError
from edgepack.ground.files import make_private
from edgepack.ground.private import private_files
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.standins import sshd, virtual_pi

REASON = "a loopback ssh server on this machine stands in for the device"


@dataclass(frozen=True)
class StandIn:
    """A running stand-in. `config` is the ssh configuration that reaches it as Host `alias`."""

    name: str
    address: str
    alias: str
    port: int
    pid: int
    config: Path
    folder: Path


def state_folder() -> Path:
    """Where stand-ins keep keys and files: $XDG_STATE_HOME/edgepack/standins."""
    return user_state_path("edgepack").absolute() / "standins"


def up(name: str, virtual: bool = False, progress: Progress | None = None) -> StandIn:
    """Start a stand-in, or find it running; what an earlier one of this name was given is still there.

    `virtual` makes it an emulated arm64 system (virtual_pi.py) instead of this machine, in place of one that is.

    Raises:
        ToolError: EP-681 or EP-682 when openssh is not installed, EP-688 when a virtual one cannot be had.
        DeviceError: EP-522 for a name that cannot be one, EP-521 when sshd does not start, EP-539 no system can be fetched.
    """
    folder = _folder(name)
    if virtual and not is_virtual(folder):
        reason = virtual_pi.missing()
        if reason:
            virtual_pi.refuse(reason)
        down(name)
        with _locked(folder):
            make_private(folder)
            (folder / virtual_pi.MARK).touch()
    try:
        with _locked(folder):
            return _start(name, folder, progress)
    except BaseException:
        if virtual:
            down(name)
        raise


def is_virtual(folder: Path) -> bool:
    """Whether the stand-in of `folder` is an emulated system."""
    return (folder / virtual_pi.MARK).exists()


def reason_of(standin: StandIn) -> str:
    """What a stand-in is instead of the target's hardware."""
    return virtual_pi.REASON if is_virtual(standin.folder) else REASON


def down(name: str) -> bool:
    """Stop a stand-in and remove its keys and files; false when there was none."""
    folder = _folder(name)
    if not folder.is_dir():
        return False
    with _locked(folder):
        pid = sshd.running_pid(folder)
        if pid is not None and is_virtual(folder):
            virtual_pi.stop(pid)
        sshd.stop(folder)
        shutil.rmtree(folder, ignore_errors=True)
    (folder.parent / f".{name}.lock").unlink(missing_ok=True)
    return True


def running() -> tuple[StandIn, ...]:
    """Every stand-in that runs, by name."""
    folders = sorted(state_folder().glob("*/")) if state_folder().is_dir() else []
    return tuple(one for one in (_find(folder.name, folder) for folder in folders) if one is not None)


class Lease:
    """A stand-in in use: started when it was not running, and then stopped again by the last user to release it."""

    def __init__(self, name: str) -> None:
        self._folder = _folder(name)
        with _locked(self._folder):
            if sshd.running_pid(self._folder) is None:
                make_private(self._folder)
                (self._folder / "started-for-a-run").touch()
            self.standin = _start(name, self._folder)
            self._users: IO[str] | None = (self._folder / "users").open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)

    def release(self) -> None:
        """Give it back; the files on it stay for the next run."""
        if self._users is None:
            return
        users, self._users = self._users, None
        with _locked(self._folder):
            mark = self._folder / "started-for-a-run"
            with suppress(OSError):
                # The kernel drops a killed user's share of the lock, so having it alone means nobody else is there.
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if mark.exists():
                    sshd.stop(self._folder)
                    mark.unlink()
            users.close()


def _folder(name: str) -> Path:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise DeviceError("EP-522", f"{name!r} cannot name a stand-in", "use letters, digits, - and _, for example rpi")
    return state_folder() / name


def _find(name: str, folder: Path) -> StandIn | None:
    pid, port = sshd.running_pid(folder), sshd.read_port(folder)
    if pid is None or port is None:
        return None
    alias = _alias(name)
    user = virtual_pi.USER if is_virtual(folder) else _user()
    return StandIn(name, f"{user}@127.0.0.1:{port}", alias, port, pid, folder / "ssh_config", folder)


def _start(name: str, folder: Path, progress: Progress | None = None) -> StandIn:
    found = _find(name, folder)
    if found is not None:
        return found
    if is_virtual(folder):
        sshd.prepare(folder, _alias(name))
        virtual_pi.start(folder, _alias(name), progress or SilentProgress())
    else:
        sshd.find_sshd()
        sshd.prepare(folder, _alias(name))
        sshd.start(folder, _alias(name), _user())
    started = _find(name, folder)
    if started is None:
        raise DeviceError("EP-521", "the stand-in's sshd stopped at once", f"see {folder / 'sshd.log'}")
    return started


def _alias(name: str) -> str:
    return f"edgepack-stand-in-{name}"


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return getpass.getuser()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops a stand-in, and everything that it makes is its user's alone."""
    with private_files(), _lock_of(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _lock_of(folder: Path) -> IO[str]:
    try:
        make_private(folder.parent)
        return (folder.parent / f".{folder.name}.lock").open("a")
    except OSError as error:
        raise DeviceError(
            "EP-521",
            f"stand-ins keep keys and files in {folder.parent}, which cannot be written: {error.strerror}",
            "make it writable, or set XDG_STATE_HOME to a folder that is",
        ) from error
