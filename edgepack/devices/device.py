"""What every device can do, whatever it is reached by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgepack.ground.progress import Task


@dataclass(frozen=True)
class Completed:
    """A program that ran to its end on a device: its exit status (128 + n for signal n) and output."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without surrounding white space."""
        return self.stdout.decode("utf-8", "replace").strip()

    @property
    def last_error_line(self) -> str:
        """The last line of standard error that says something, at most 300 characters; "" when there is none."""
        lines = [line.strip() for line in self.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""


@dataclass(frozen=True)
class DeviceFacts:
    """What a device says of itself; "" or None where it does not say.

    `memory` is in bytes, `temperature` in °C, `frequency` (the highest current clock of any core) in Hz,
    `boot` identifies the boot, `clock` is the device's own time in seconds since 1970. `core_clocks` are the highest clocks of
    the cores in their order, in Hz. `stand_in` says that these are not the facts of the target's hardware.

    Of Android alone: `abis` (the preferred first), `sdk` (API level), `soc`, `battery` (charge in percent), `thermal_status` (0
    none to 6 shutdown, as PowerManager counts), and `emulator`, what emulates it.
    """

    hostname: str = ""
    system: str = ""
    kernel: str = ""
    machine: str = ""
    bits: int | None = None
    os: str = ""
    model: str = ""
    cpu: str = ""
    cores: int | None = None
    memory: int | None = None
    governor: str = ""
    frequency: float | None = None
    temperature: float | None = None
    throttled: str = ""
    load: float | None = None
    libc: str = ""
    home: str = ""
    boot: str = ""
    clock: int | None = None
    core_clocks: tuple[float, ...] = ()
    abis: tuple[str, ...] = ()
    sdk: int | None = None
    soc: str = ""
    battery: float | None = None
    thermal_status: int | None = None
    emulator: str = ""
    stand_in: bool = False
    stand_in_reason: str = ""


class Device(Protocol):
    """Something reachable that holds files and runs programs.

    `name` is for messages, `address` is how it was reached, `stand_in` is true when it is not the target's hardware and
    `stand_in_reason` then says what it is instead. Every method raises DeviceError when the link fails or time runs out.
    """

    @property
    def kind(self) -> str:
        """local, ssh, adb or mcu."""

    name: str
    address: str
    stand_in: bool
    stand_in_reason: str

    def run(self, argv: Sequence[str], *, timeout: float, stdin: bytes | None = None) -> Completed:
        """Run a program and wait at most `timeout` seconds. Every argument arrives as it is; no shell interprets it."""

    def put(self, local: Path, remote: str, task: Task | None = None) -> int:
        """Copy a file to an absolute path on the device; it appears there complete and verified, or not at all.

        Returns the bytes that travelled: fewer than the file has where it went in a small form, 0 when it was there."""

    def get(self, remote: str, local: Path, most: int = ...) -> None:
        """Copy a file of at most `most` bytes from the device; it appears here complete or not at all."""

    def facts(self) -> DeviceFacts:
        """What the device says of itself, asked once."""

    def close(self) -> None:
        """Give back connections and helpers; the device cannot be used afterwards."""
