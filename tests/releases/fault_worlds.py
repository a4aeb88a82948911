"""Devices whose faults are at hand, reached by each transport: a shell, real ssh, real adb."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from edgepack.devices.adb import AdbDevice
from edgepack.devices.local import LocalDevice
from edgepack.devices.shell import Command, ShellDevice
from edgepack.devices.ssh import SshDevice
from edgepack.devices.ssh_address import SshAddress
from edgepack.ground.errors import DeviceError
from edgepack.standins.adbd import HostUserland
from edgepack.workers.process import Finished
from tests.standins.adb_device import AdbStandin
from tests.standins.proxy import BreakableLink
from tests.standins.sshd import LoopbackSshd

Around = Callable[[int, Callable[..., Finished], bytes | None], Finished]


class _Hooked:
    """Mixed into a device: `around(number, go, stdin)` decides what becomes of its n-th command; `go(stdin)` runs it."""

    around: Around | None = None
    calls = 0
    boot: str | None = None

    def _execute(self, command: Command) -> Finished:
        self.calls += 1
        run = super()._execute  # type: ignore[misc]
        if self.around is None:
            plain: Finished = run(command)
            return plain
        data = None if command.stdin is None else command.stdin.read()

        def go(given: bytes | None = data) -> Finished:
            finished: Finished = run(replace(command, stdin=None if given is None else io.BytesIO(given)))
            return finished

        return self.around(self.calls, go, data)

    def facts(self):  # type: ignore[no-untyped-def]
        found = super().facts()  # type: ignore[misc]
        return found if self.boot is None else replace(found, boot=self.boot)


class Shell(_Hooked, LocalDevice):
    """This machine's shell, with a link to it that only the hook can break."""


class Ssh(_Hooked, SshDevice):
    """A real ssh client."""


class Phone(_Hooked, AdbDevice):
    """A real adb client; the model is run as on any Linux device, for how it is run is not what is tested."""

    @property
    def kind(self) -> str:
        return "ssh"


class World:
    """One device and its transport. `root` holds its files, `bin` is first on its PATH."""

    name = "shell"
    has_link = False  # that breaks at a byte
    place = "."  # where what the device sees is, in `folder`

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root with 'quotes' $(id)"
        self.bin = folder / self.place / "bin"
        self.bin.mkdir(parents=True, exist_ok=True)
        self._good: ShellDevice | None = None

    def make(self) -> ShellDevice:
        return Shell()

    def good(self) -> ShellDevice:
        """A device whose link is whole, kept for the next time."""
        if self._good is None:
            self._good = self.make()
        return self._good

    @contextmanager
    def own_programs(self) -> Iterator[None]:
        """What is in `bin` is found by the device while the block runs."""
        before = os.environ["PATH"]
        os.environ["PATH"] = f"{self.bin}:{before}"
        try:
            yield
        finally:
            os.environ["PATH"] = before

    @contextmanager
    def broken(self, around: Around | None = None) -> Iterator[ShellDevice]:
        device = self.make()
        device.around = around  # type: ignore[attr-defined]
        try:
            yield device
        finally:
            device.close()  # type: ignore[attr-defined]

    def bytes_moved(self) -> int:
        """Bytes of both directions since the last `whole`."""
        return 0

    def cut_after(self, count: int) -> None:
        """The link breaks when so many bytes have passed."""
        raise LookupError(f"no such fault over {self.name}")

    def corrupt_at(self, count: int) -> None:
        """The byte of that number arrives changed."""
        raise LookupError(f"no such fault over {self.name}")

    def stall(self) -> None:
        """Nothing moves any more."""
        raise LookupError(f"no such fault over {self.name}")

    def drop(self) -> None:
        """The link breaks now."""

    def whole(self) -> None:
        """The link holds again."""

    def stop(self) -> None:
        if self._good is not None:
            self._good.close()  # type: ignore[attr-defined]


class SshWorld(World):
    """A real sshd behind a TCP link that breaks; whole deployments go there directly, over one shared connection."""

    name = "ssh"
    has_link = True
    place = "sshd"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sshd = LoopbackSshd(folder / "sshd").start()
        self.link = BreakableLink(self.sshd.port)
        self.direct = folder / "direct"
        self.direct.write_text(self.sshd.config.read_text())
        self.sshd.config.write_text(self.direct.read_text().replace(f"Port {self.sshd.port}", f"Port {self.link.port}"))

    def make(self) -> ShellDevice:
        return Ssh(SshAddress(self.sshd.host), config=self.sshd.config, connect_timeout=5)

    def good(self) -> ShellDevice:
        if self._good is None:
            self._good = Ssh(SshAddress(self.sshd.host), config=self.direct, connect_timeout=5)
        return self._good

    @contextmanager
    def own_programs(self) -> Iterator[None]:
        yield  # in every session

    def bytes_moved(self) -> int:
        return self.link.bytes

    def cut_after(self, count: int) -> None:
        self.link.fail(cut_after=count)

    def corrupt_at(self, count: int) -> None:
        self.link.fail(corrupt_at=count)

    def stall(self) -> None:
        self.link.stall()

    def drop(self) -> None:
        self.link.cut(down=True)

    def whole(self) -> None:
        self.link.fail()

    def stop(self) -> None:
        super().stop()
        self.link.stop()
        self.sshd.stop()


class AdbWorld(World):
    """A loopback Android device behind real adb."""

    name = "adb"
    has_link = True
    place = "phone"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.phone = AdbStandin(HostUserland(folder / "phone"))

    def make(self) -> ShellDevice:
        return Phone(self.phone.serial)

    @contextmanager
    def own_programs(self) -> Iterator[None]:
        yield  # in every command

    @contextmanager
    def broken(self, around: Around | None = None) -> Iterator[ShellDevice]:
        with super().broken(around) as device:
            device._connect_timeout = 0.5  # type: ignore[attr-defined]  # adb looks for a device that is gone for ten seconds
            yield device

    def bytes_moved(self) -> int:
        return self.phone.traffic[1]

    def cut_after(self, count: int) -> None:
        self.phone.fail(drop_after_bytes=count)

    def corrupt_at(self, count: int) -> None:
        self.phone.fail(corrupt_at_byte=count % 1000)  # in the first large message from then on: the upload

    def stall(self) -> None:
        self.phone.fail(stall_after_bytes=0)

    def drop(self) -> None:
        self.phone.fail(drop_at_message=0)

    def whole(self) -> None:
        self.phone.fail()

    def stop(self) -> None:
        super().stop()
        self.phone.stop()


def broke() -> DeviceError:
    """What a transport says of a link that broke."""
    return DeviceError("EP-509", "the connection broke", "run the same command again")


PYTHON = sys.executable
