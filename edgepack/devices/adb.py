"""Android devices, by the adb program: Debian's, Google's, or the one in the adbutils package.

Its server is the user's, but for a stand-in's: one that runs is used, ADB_SERVER_SOCKET is respected, and none is stopped. Each
command is one argument, quoted for the device's shell; without the end marker of shell.py nothing counts as done.
"""

from __future__ import annotations

import re
import shlex
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from edgepack.devices.adb_client import (
    Adb,
    Attached,
    NotAttached,
    NotReady,
    choose_device,
    connect,
    find_adb,
    is_network,
    not_ready,
    run_adb,
    server_failure,
    unauthorised,
)
from edgepack.devices.shell import Command, ShellDevice, closed
from edgepack.ground.errors import DeviceError
from edgepack.workers.process import Finished, run_process

FOLDER = "/data/local/tmp"
"""Where adb's shell user may write and execute."""


class AdbDevice(ShellDevice):
    """An Android device with debugging switched on.

    Args:
        serial: Its serial number or host:port; None for the only one attached.
        connect_timeout: Seconds for connecting.
        name: What messages call it; the serial number by default.
        folder: Where files may be written and executed.
        on_close: Called once when the device is closed.
        adb: The client; by default the one found, with the user's own server.

    Raises:
        ToolError: EP-686 when there is no adb.
        DeviceError: EP-540 to EP-547 when it is not there, not ready, or one of several.
    """

    def __init__(
        self, serial: str | None = None, *, connect_timeout: float = 15.0, name: str | None = None,
        folder: str = FOLDER, on_close: Callable[[], None] | None = None, adb: Adb | None = None,
    ) -> None:  # fmt: skip
        self._client = adb if adb is not None else Adb(find_adb())
        self._connect_timeout = connect_timeout
        run_adb(self._client, "start-server")  # its words about starting must not be taken for a command's
        self._serial, features = self._attach(serial)
        super().__init__(name or self._serial, self._serial)
        self._shell_v2 = b"shell_v2" in features
        self.folder = folder
        self._on_close = on_close
        self._closed = False
        self._gone = False
        if not self._shell_v2:  # what commands that were cut off an hour ago and more have left
            line = f"find {shlex.quote(folder)} -maxdepth 1 -name '.edgepack-*' -mmin +60 -exec rm -f {{}} +"
            self._adb("exec-out", line, timeout=20.0)

    def _attach(self, serial: str | None) -> tuple[str, bytes]:
        """The serial number and features of the device asked for, or of the only one.

        adb may list a connection as whole that it is about to find broken; what is refused then is tried anew.
        """
        end = time.monotonic() + self._connect_timeout
        network = serial is not None and is_network(serial)
        while True:
            if serial is not None and network:
                connect(self._client, serial, self._connect_timeout)
            late = not network or time.monotonic() >= end
            try:
                chosen = choose_device(self._client, serial)
            except (NotAttached, NotReady):
                if late:
                    raise
                continue
            finished = run_adb(self._client, "-s", chosen, "features", timeout=self._connect_timeout)
            if late or not _never_begun(finished):
                return chosen, finished.stdout

    @property
    def kind(self) -> str:
        """adb."""
        return "adb"

    def _adb(self, *words: str, timeout: float) -> Finished:
        return run_adb(self._client, "-s", self._serial, *words, timeout=timeout)

    def _words(self, *words: str) -> list[str]:
        return [self._client.program, "-s", self._serial, *words]

    def _execute(self, command: Command) -> Finished:
        if self._closed:
            raise closed(self.name)
        network = is_network(self._serial)
        if self._gone and network:
            connect(self._client, self._serial, self._connect_timeout)
        self._gone = False
        begin = 0 if command.stdin is None else command.stdin.tell()
        finished = self._once(command)
        # The connection ended between two commands, and adb has not yet made it anew, or was told not to by another command
        # that gave it up: this one was never begun. adb 29 may list a connection as whole that it is about to find broken.
        end = time.monotonic() + self._connect_timeout
        while network and _never_begun(finished) and time.monotonic() < end:
            connect(self._client, self._serial, self._connect_timeout)
            if command.stdin is not None:
                command.stdin.seek(begin)
            finished = self._once(command)
        return finished

    def _once(self, command: Command) -> Finished:
        if not self._shell_v2:
            return self._plainly(command)
        no_input = ["-n"] if command.stdin is None else []
        return command.through(self._words("shell", *no_input, "-T", command.line), environment=self._client.environment)

    def _plainly(self, command: Command) -> Finished:
        """A device from before Android 7: streams are mixed, input does not end. So files take the place of both."""
        errors, given = f"{self.folder}/.edgepack-{command.nonce}.err", f"{self.folder}/.edgepack-{command.nonce}.in"
        source = "/dev/null"
        if command.stdin is not None:
            pushed = self._push(command.stdin, given, command.stall or command.timeout, command.on_sent)
            if pushed is not None:
                return pushed
            source = given
        # The command's own output ends with the end marker; its errors follow behind a line of their own.
        line = command.line.removeprefix("exec ")
        line = f"{line} <{source} 2>{errors}; echo edgepack-errors-{command.nonce}; cat {errors}; rm -f {errors} {given}"
        environment = self._client.environment
        words = self._words("exec-out", line)
        finished = run_process(words, timeout=command.timeout, most=command.most, environment=environment)
        stdout, _, stderr = finished.stdout.partition(f"edgepack-errors-{command.nonce}\n".encode())
        return Finished(finished.status, stdout, stderr or finished.stderr, finished.sent)

    def _push(self, source: BinaryIO, remote: str, stall: float, on_sent: Callable[[int], None] | None) -> Finished | None:
        """Bring the input of a command to a file; what adb said when that failed. push itself never gives up."""
        with tempfile.NamedTemporaryFile(prefix="edgepack-push-") as local:
            local.write(source.read())
            local.flush()
            size = local.tell()
            words = self._words("push", local.name, remote)
            finished = run_process(words, timeout=stall + size / 1e6, environment=self._client.environment)
        if on_sent is not None:
            on_sent(size)
        return None if finished.status == 0 else finished

    def _link_failure(self, finished: Finished) -> DeviceError:
        self._gone = True
        said = finished.stderr.decode("utf-8", "replace")
        if "unauthorized" in said:
            return unauthorised(self._serial)
        if "device offline" in said:
            return not_ready(Attached(self._serial, "offline"))
        if "no permissions" in said or "insufficient permissions" in said:
            return not_ready(Attached(self._serial, "no permissions"))
        if "cannot connect to daemon" in said:
            return server_failure(said)
        if ("device" in said and "not found" in said) or "no devices" in said:
            return NotAttached(
                "EP-541",
                f"{self.name} is not attached any more",
                "plug it in or wait until it has started, then run the same command again; it goes on where it was",
            )
        words = [line.strip() for line in said.splitlines() if line.strip()]
        detail = f": {words[-1][:200]}" if words else ""
        return DeviceError(
            "EP-509", f"{self.name}: the connection broke{detail}", "run the same command again; it goes on where it was"
        )

    def _gave_up(self) -> None:
        """A connection that hangs would hang the next command, too; a USB device has none to drop."""
        self._gone = True
        if is_network(self._serial):
            with suppress(DeviceError):
                run_adb(self._client, "disconnect", self._serial, timeout=10.0)

    def close(self) -> None:
        """Nothing runs on; the connection stays adb's, as it is for the user's own commands."""
        if not self._closed:
            self._closed = True
            if self._on_close is not None:
                self._on_close()


def _never_begun(finished: Finished) -> bool:
    """Whether adb had no device to give a command to."""
    refused = re.search(rb"device offline|device still (authorizing|connecting)|device ('.*' )?not found", finished.stderr)
    return refused is not None and not finished.stdout
