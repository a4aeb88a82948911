"""Devices reached by the openssh client, with the user's own configuration, keys, agent, jump hosts and known hosts.

Host keys are checked by ssh as the user configured it; nothing here ever relaxes that. One connection is shared by all
commands through a control socket in a private folder, and ended by close().
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edgepack.devices.shell import Command, ShellDevice, closed, unwrap
from edgepack.devices.socket_folder import socket_folder
from edgepack.devices.ssh_address import SshAddress
from edgepack.devices.ssh_errors import missing_ssh, ssh_failure
from edgepack.ground.errors import DeviceError
from edgepack.workers.process import Finished

_CONTROL_PREFIX = "edgepack-ssh-"


class SshDevice(ShellDevice):
    """A Linux machine with an ssh server.

    Args:
        address: Where it is.
        config: An ssh configuration file to use in place of the user's own.
        connect_timeout: Seconds for connecting.
        name: What messages call it; the address by default.
        stand_in: Whether it is not the target's hardware, with the reason.
        on_close: Called once when the device is closed.

    Raises:
        ToolError: EP-682 when there is no ssh client.
    """

    def __init__(
        self,
        address: SshAddress,
        *,
        config: Path | None = None,
        connect_timeout: int = 10,
        name: str | None = None,
        stand_in: bool = False,
        stand_in_reason: str = "",
        on_close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(name or str(address), str(address), stand_in, stand_in_reason)
        self._target = address
        self._config = config
        self._on_close = on_close
        self._connect_timeout = connect_timeout
        program = shutil.which("ssh")
        if program is None:
            raise missing_ssh()
        self._program = program
        remove_dead_sockets()
        # ssh adds a hash of 40 to the path and, while connecting, a suffix of 17.
        self._control = socket_folder(f"{_CONTROL_PREFIX}{os.getpid()}-", 40 + 17 + 2)
        self._connected = False
        self._closed = False
        atexit.register(self.close)

    @property
    def kind(self) -> str:
        """ssh."""
        return "ssh"

    def _client(self, *options: str) -> list[str]:
        config = [] if self._config is None else ["-F", str(self._config)]
        settings = (
            "BatchMode=yes",
            f"ConnectTimeout={self._connect_timeout}",
            "ServerAliveInterval=5",
            "ServerAliveCountMax=3",
            "ControlMaster=auto",
            f'ControlPath="{str(self._control).replace("%", "%%")}/%C"',
            "ControlPersist=60",
            "ClearAllForwardings=yes",
            "RemoteCommand=none",
            "PermitLocalCommand=no",
            "ForwardX11=no",
            "ForwardAgent=no",
            "LogLevel=INFO",  # a configured QUIET would hide why ssh failed
        )
        return [
            self._program, *config, "-T", *(word for setting in settings for word in ("-o", setting)), *options,
            *self._target.arguments,
        ]  # fmt: skip

    def _execute(self, command: Command) -> Finished:
        if self._closed:
            raise closed(self.name)
        if not self._connected:
            # Connecting has a limit of its own, so that the command's is the command's alone.
            opened = Command(["true"], command.nonce, 2.0 * self._connect_timeout)
            finished = opened.through([*self._client(), opened.line])
            if finished.status is None:
                return Finished(255, b"", b"Connection timed out during banner exchange", 0)
            if unwrap(finished.stdout, command.nonce)[0] is None:
                return finished
            self._connected = True
        finished = command.through([*self._client(), command.line])
        self._connected = finished.status not in (None, 255)
        return finished

    def _link_failure(self, finished: Finished) -> DeviceError:
        said = finished.stderr.decode("utf-8", "replace")
        config = None if self._config is None else str(self._config)
        # A command that began was run by the login, whatever ssh's exit status is.
        status = 255 if b"\nedgepack-begin-" in finished.stdout else finished.status
        return ssh_failure(self.name, self._target, said, status, config)

    def _gave_up(self) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        """End the shared connection; the next command makes a new one."""
        self._connected = False
        if any(self._control.glob("*")):
            with suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(
                    self._client("-O", "exit"),
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=10,
                )  # fmt: skip

    def close(self) -> None:
        """End the connection and remove its folder."""
        if self._closed:
            return
        self.disconnect()
        self._closed = True
        atexit.unregister(self.close)
        shutil.rmtree(self._control, ignore_errors=True)
        if self._on_close is not None:
            self._on_close()


def remove_dead_sockets() -> None:
    """Remove control folders of processes that were killed; ssh ends their connections by itself after a minute."""
    for parent in {os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"} - {None}:
        for folder in Path(str(parent)).glob(f"{_CONTROL_PREFIX}[0-9]*-*"):
            pid = folder.name.removeprefix(_CONTROL_PREFIX).partition("-")[0]
            with suppress(OSError):
                if folder.stat().st_uid == os.getuid() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
                    shutil.rmtree(folder, ignore_errors=True)
