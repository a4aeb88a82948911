"""A real sshd on the loopback address that tests can break: refuse, stall, kill, change its key."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

PATHS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def require_openssh() -> None:
    for program, package in (("sshd", "openssh-server"), ("ssh", "openssh-client"), ("ssh-keygen", "openssh-client")):
        if shutil.which(program, path=PATHS) is None:
            pytest.skip(f"{program} is not installed (apt-get install --no-install-recommends {package})")


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, stdin=subprocess.DEVNULL)
    return path


class LoopbackSshd:
    """One sshd, started in the foreground as a child, with files in `folder`. `config` is an ssh configuration for it.

    Programs in `folder`/bin come before the system's.
    """

    def __init__(self, folder: Path, host: str = "device-under-test") -> None:
        self.folder = folder
        self.host = host
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        for name in ("host_key", "user_key"):
            if not (folder / name).exists():
                make_key(folder / name)
        self.config = folder / "ssh_config"
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
        self.trust(folder / "host_key.pub")
        self.write_config()

    def trust(self, public_key: Path | None) -> None:
        """Write the known hosts: this key, or none."""
        text = "" if public_key is None else f"{self.host} {' '.join(public_key.read_text().split()[:2])}\n"
        (self.folder / "known_hosts").write_text(text)

    def write_config(self, *, identity: str = "user_key", extra: str = "") -> None:
        self.config.write_text(
            f"Host {self.host}\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f"  HostKeyAlias {self.host}\n  IdentityFile {self.folder / identity}\n  IdentitiesOnly yes\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {self.folder / 'known_hosts'}\n  GlobalKnownHostsFile none\n{extra}"
        )

    def start(self, host_key: str = "host_key") -> LoopbackSshd:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(parents=True, exist_ok=True)
        settings = self.folder / "sshd_config"
        settings.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder / host_key}\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}\nUsePAM no\nStrictModes no\nMaxSessions 50\n"
            f"MaxStartups 100\nSubsystem sftp internal-sftp\nSetEnv HOME={self.home} "
            f"PATH={self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin\n"
        )
        sshd = os.path.abspath(str(shutil.which("sshd", path=PATHS)))
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen([sshd, "-D", "-e", "-f", str(settings)], stdin=subprocess.DEVNULL, stderr=log)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return self
            time.sleep(0.05)
        raise AssertionError(f"sshd did not start: {(self.folder / 'sshd.log').read_text()}")

    def sessions(self) -> list[int]:
        """Processes that serve connections, and everything they started."""
        assert self._process is not None
        return _descendants(self._process.pid)

    def stall(self) -> None:
        """Stop every connection's processes; the listener stays."""
        for pid in self.sessions():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def kill(self) -> None:
        """The device vanishes: the listener and every connection die at once."""
        if self._process is None:
            return
        pids = self.sessions()
        self._process.kill()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    stop = kill


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            fields = stat.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, wanted = [], [pid]
    while wanted:
        for child in children.get(wanted.pop(), []):
            found.append(child)
            wanted.append(child)
    return found


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
