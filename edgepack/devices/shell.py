"""Devices with a POSIX shell: the end-marker protocol that no transport can lie about.

ssh exits 255 for every failure of its own, and adb may lose exit codes altogether. So each command runs inside a small
script that prints a line when it starts and one with the command's exit status when it ends, both with a number used
once; without the end line the command counts as not finished, whatever the client's own exit status says.
"""

from __future__ import annotations

import io
import re
import secrets
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from edgepack.devices.device import Completed, DeviceFacts
from edgepack.devices.facts import FACTS_SCRIPT, parse_facts
from edgepack.devices.packed import ASK, UNPACKERS, Unpacker
from edgepack.devices.upload import upload
from edgepack.ground.errors import DeviceError, DeviceTimeout
from edgepack.ground.files import write_atomic
from edgepack.ground.progress import Task
from edgepack.workers.process import MOST_OUTPUT, Finished, Flood, run_process

# `timeout` on the device ends a command that outlives its connection; the probe leaves out versions without -k.
_WRAPPER = """\
n=$1 t=$2; umask "$3"; shift 3; LC_ALL=C; export LC_ALL
if timeout -k 5 5 true </dev/null >/dev/null 2>&1; then set -- timeout -k 5 "$t" "$@"; fi
echo; echo "edgepack-begin-$n"
"$@"
s=$?; echo; echo "edgepack-end-$n $s"
"""
_MARKERS = 1 << 16  # bytes for the marker lines and what a login script prints before them
_GRACE = 10  # seconds by which the device's own limit lies beyond the host's


@dataclass(frozen=True)
class Command:
    """A program for a transport to run, and what it reads.

    `nonce` is the number in its markers; `timeout` seconds are its limit, or with `stall` those without a byte of `stdin` being
    taken. `on_sent` is called now and then with the bytes taken so far. `most` bytes of standard output end it.
    `umask` is that of the program.
    """

    argv: Sequence[str]
    nonce: str
    timeout: float
    stdin: BinaryIO | None = None
    stall: float | None = None
    on_sent: Callable[[int], None] | None = None
    most: int = MOST_OUTPUT
    umask: str = "022"

    @property
    def words(self) -> list[str]:
        """The program and arguments that run `argv` between the markers."""
        return ["sh", "-c", _WRAPPER, "sh", self.nonce, str(int(self.timeout) + _GRACE), self.umask, *self.argv]

    @property
    def line(self) -> str:
        """The same as one line for a login shell, every word quoted."""
        return "exec " + shlex.join(self.words)

    def through(self, client: Sequence[str], kill_group: bool = False, environment: Mapping[str, str] | None = None) -> Finished:
        """Run a transport's client, which hands the command's streams on."""
        return run_process(
            client,
            environment=environment,
            timeout=self.timeout,
            stdin=self.stdin,
            stall=self.stall,
            on_sent=self.on_sent,
            kill_group=kill_group,
            most=self.most,
        )


def unwrap(stdout: bytes, nonce: str) -> tuple[int | None, bytes]:
    """Exit status and output from between the markers; None when the end marker is missing."""
    begin = stdout.find(f"\nedgepack-begin-{nonce}\n".encode())
    body = stdout[begin + len(f"\nedgepack-begin-{nonce}\n") :] if begin >= 0 else b""
    end = re.search(rb"\nedgepack-end-" + nonce.encode() + rb" (\d{1,3})\n", body)
    return (None, body) if begin < 0 or end is None else (int(end.group(1)), body[: end.start()])


def closed(name: str) -> DeviceError:
    """The device object was closed before."""
    return DeviceError("EP-509", f"{name}: the connection was closed", "open the device again")


class ShellDevice(ABC):
    """A device that runs commands through a POSIX shell; a transport says how to start one and what its failures mean."""

    def __init__(self, name: str, address: str, stand_in: bool = False, stand_in_reason: str = "") -> None:
        self.name = name
        self.address = address
        self.stand_in = stand_in
        self.stand_in_reason = stand_in_reason
        self.umask = "022"  # what is deployed may be run by a service of another user
        self._facts: DeviceFacts | None = None
        self._unpacker = ""

    def mark_stand_in(self, reason: str) -> None:
        """Note that this is not the target's hardware, and what it is instead."""
        self.stand_in, self.stand_in_reason = True, reason
        if self._facts is not None:
            self._facts = replace(self._facts, stand_in=True, stand_in_reason=reason)

    @property
    @abstractmethod
    def kind(self) -> str:
        """local, ssh or adb."""

    @abstractmethod
    def close(self) -> None:
        """Give back connections and helpers; the device cannot be used afterwards."""

    @abstractmethod
    def _execute(self, command: Command) -> Finished:
        """Run a command through the transport."""

    @abstractmethod
    def _link_failure(self, finished: Finished) -> DeviceError:
        """What it means that the transport's client ended without an end marker."""

    def _gave_up(self) -> None:  # noqa: B027 (a transport without a connection has nothing to drop)
        """A command timed out: drop whatever connection may be stuck."""

    def run(self, argv: Sequence[str], *, timeout: float, stdin: bytes | None = None) -> Completed:
        """Run a program on the device.

        Raises:
            DeviceError: the device cannot be reached, the link broke, EP-508 the program took longer than `timeout`, or EP-533
                it wrote without end.
        """
        return self._run(argv, timeout, io.BytesIO(stdin) if stdin is not None else None, None, None)

    def feed(
        self, argv: Sequence[str], source: BinaryIO, *, timeout: float, stall: float, on_sent: Callable[[int], None] | None
    ) -> Completed:
        """Run a program that reads `source`; it may take any time, as long as bytes move at least every `stall` seconds."""
        return self._run(argv, timeout, source, stall, on_sent)

    def _run(
        self,
        argv: Sequence[str],
        timeout: float,
        stdin: BinaryIO | None,
        stall: float | None,
        on_sent: Callable[[int], None] | None,
        most: int = MOST_OUTPUT,
    ) -> Completed:
        nonce = secrets.token_hex(8)
        # A transfer is limited by its progress, not by its length: the device must not end it earlier.
        limit = timeout if stall is None else 86400.0
        try:
            finished = self._execute(Command(argv, nonce, limit, stdin, stall, on_sent, most + _MARKERS, self.umask))
        except Flood as flood:
            self._gave_up()
            raise Flood(flood.code, f"{self.name}: {argv[0]}: {flood}", flood.hint) from flood
        if finished.status is None:
            self._gave_up()
            seconds = timeout if stall is None else max(timeout, stall)
            raise DeviceTimeout(
                "EP-508",
                f"{self.name} did not answer within {seconds:g} s ({argv[0]})",
                "check that it is on and idle; [device] timeout sets the limit",
            )
        status, stdout = unwrap(finished.stdout, nonce)
        if status is None:
            raise self._link_failure(finished)
        return Completed(status, stdout, finished.stderr)

    def put(self, local: Path, remote: str, task: Task | None = None) -> int:
        """Copy a file to the device, going on where an earlier attempt was cut; see upload.upload."""
        return upload(self, local, remote, task)

    def unpacker(self) -> Unpacker | None:
        """What unpacks small forms of files there, asked once; None where nothing does, or nothing is gained."""
        if self._unpacker == "":
            self._unpacker = self.run(["sh", "-c", ASK], timeout=60.0).text
        return UNPACKERS.get(self._unpacker)

    def get(self, remote: str, local: Path, most: int = MOST_OUTPUT) -> None:
        """Copy a file of at most `most` bytes from the device.

        Raises:
            DeviceError: EP-512 when it cannot be read, EP-533 when it is larger.
        """
        completed = self._run(["cat", "--", remote], 300.0, None, None, None, most)
        if completed.status != 0:
            raise DeviceError("EP-512", f"{self.name}: {completed.last_error_line or remote}", "check the file on the device")
        write_atomic(local, completed.stdout)

    def facts(self) -> DeviceFacts:
        """What the device says of itself, asked once."""
        if self._facts is None:
            text = self.run(["sh", "-c", FACTS_SCRIPT], timeout=60.0).text
            self._facts = parse_facts(text, self.stand_in, self.stand_in_reason)
        return self._facts
