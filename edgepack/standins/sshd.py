"""An sshd of one's own on the loopback address: keys, configuration, start and stop.

It serves one user, the one who started it, with one key made for it, and is reachable from this machine alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.files import make_private, write_atomic
from edgepack.ground.private import with_umask
from edgepack.workers.process import MOST_WORDS, run_process

_START_SECONDS = 10.0
_PORTS_TRIED = 5


def find_sshd() -> str:
    """The absolute path of sshd, which it insists on being called by.

    Raises:
        ToolError: EP-681 when it is not installed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"])
    found = shutil.which("sshd", path=path)
    if found is None:
        raise ToolError(
            "EP-681",
            "the stand-in device needs an ssh server, and sshd is not installed",
            "apt-get install --no-install-recommends openssh-server, or name a real device with --device user@host",
        )
    return os.path.abspath(found)


def prepare(folder: Path, alias: str) -> None:
    """Keys, known hosts and the user's permission, made once; the folder is readable by its owner alone.

    Raises:
        ToolError: EP-682 when ssh-keygen is missing.
    """
    for made in (folder, folder / "home"):
        make_private(made)
    for key in ("host_key", "user_key"):
        if not (folder / key).is_file() or not (folder / f"{key}.pub").is_file():
            _make_key(folder / key)
    host_key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    write_atomic(folder / "known_hosts", f"{alias} {host_key}\n", private=True)
    write_atomic(folder / "authorized_keys", (folder / "user_key.pub").read_text(), private=True)


def _make_key(path: Path) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        raise ToolError("EP-682", "ssh-keygen is not installed", "apt-get install --no-install-recommends openssh-client")
    for leftover in (path, path.with_name(f"{path.name}.pub")):
        leftover.unlink(missing_ok=True)
    subprocess.run(
        [keygen, "-q", "-t", "ed25519", "-N", "", "-C", "edgepack-stand-in", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def start(folder: Path, alias: str, user: str) -> int:
    """Start sshd on a free port, the one used before if it can be had again; returns the port.

    Raises:
        ToolError: EP-681 when sshd is not installed.
        DeviceError: EP-521 when it does not start, with the reason from its log.
    """
    sshd = find_sshd()
    if os.geteuid() == 0:
        with with_umask(0o022):  # the system's sshd needs it, too
            Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    before = read_port(folder)
    for _ in range(_PORTS_TRIED):
        port = before if before is not None and _is_free(before) else free_port()
        before = None
        _write_configuration(folder, alias, user, port)
        log = folder / "sshd.log"
        log.write_text("")
        command = [sshd, "-f", str(folder / "sshd_config"), "-E", str(log)]
        started = run_process(command, timeout=_START_SECONDS, folder="/", most=MOST_WORDS)
        if started.status == 0 and answers(folder, port):
            return port
        stop(folder)
    said = [line for line in (started.errors + log.read_text()).splitlines() if line.strip()]
    raise DeviceError("EP-521", f"the stand-in's sshd does not start: {said[-1] if said else 'no reason given'}", f"see {log}")


def _write_configuration(folder: Path, alias: str, user: str, port: int) -> None:
    # The session's Python is the one the host's own was made from, bare of the host's packages, as on a fresh device.
    path = os.pathsep.join([str(Path(sys.base_prefix) / "bin"), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
    server = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {_word(folder / 'host_key')}",
        f"PidFile {_word(folder / 'sshd.pid')}",
        f"AuthorizedKeysFile {_word(folder / 'authorized_keys')}",
        "AuthenticationMethods publickey",
        f"AllowUsers {user}",
        "PermitRootLogin prohibit-password",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
        "StrictModes no",
        "AllowTcpForwarding no",
        "X11Forwarding no",
        "PermitTunnel no",
        "PrintMotd no",
        "MaxStartups 100",
        "MaxSessions 100",
        "Subsystem sftp internal-sftp",
        f'SetEnv "HOME={folder / "home"}" "PATH={path}"',
    ]
    write_atomic(folder / "sshd_config", "\n".join(server) + "\n", private=True)
    write_atomic(folder / "ssh_config", client_configuration(folder, alias, user, port), private=True)


def client_configuration(folder: Path, alias: str, user: str, port: int) -> str:
    """The ssh configuration that reaches the server of `folder`, and nothing else, as Host `alias`."""
    client = [
        f"Host {alias}",
        "  HostName 127.0.0.1",
        f"  Port {port}",
        f"  User {user}",
        f"  HostKeyAlias {alias}",
        f"  IdentityFile {_word(folder / 'user_key')}",
        "  IdentitiesOnly yes",
        "  IdentityAgent none",
        f"  UserKnownHostsFile {_word(folder / 'known_hosts')}",
        "  GlobalKnownHostsFile none",
        "  StrictHostKeyChecking yes",
    ]
    return "\n".join(client) + "\n"


def _word(path: Path) -> str:
    """A path as one word of an ssh configuration file, where % starts a token."""
    return '"' + str(path).replace("%", "%%") + '"'


def free_port() -> int:
    """A port of the loopback address that nothing listens on now."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            server.bind(("127.0.0.1", port))
            return True
    return False


def answers(folder: Path, port: int, seconds: float = _START_SECONDS) -> bool:
    """Whether the server of `folder` greets on `port` within `seconds`; false at once when its process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2.0) as client:
            if client.recv(4) == b"SSH-":
                return running_pid(folder) is not None
        time.sleep(0.05)
        if seconds > _START_SECONDS and running_pid(folder) is None:
            return False
    return False


def read_port(folder: Path) -> int | None:
    """The port in the stand-in's configuration, None when there is none."""
    with suppress(OSError, ValueError, IndexError):
        return int((folder / "sshd_config").read_text().splitlines()[0].split()[1])
    return None


def running_pid(folder: Path) -> int | None:
    """The process of the sshd that serves `folder`; None when it is not running, whatever its pid file says."""
    with suppress(OSError, ValueError):
        pid = int((folder / "sshd.pid").read_text())
        os.kill(pid, 0)
        command = Path(f"/proc/{pid}/cmdline")
        # A number that was given to another process since is not ours; sshd shows its arguments in its title.
        if not Path("/proc/self").exists() or os.fsencode(str(folder / "sshd_config")) in command.read_bytes():
            return pid
    return None


def stop(folder: Path) -> bool:
    """Stop the sshd of `folder`; false when it was not running."""
    pid = running_pid(folder)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 5.0
        while running_pid(folder) == pid:
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
    return True
