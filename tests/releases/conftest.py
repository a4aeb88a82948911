from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.ssh import SshDevice
from edgepack.devices.ssh_address import SshAddress
from edgepack.pack import Pack
from edgepack.project import Target, load_target
from tests.standins.packs import conv_pack
from tests.standins.sshd import LoopbackSshd, require_openssh


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return conv_pack(tmp_path_factory.mktemp("first") / "pack", title="first")


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return conv_pack(tmp_path_factory.mktemp("second") / "pack", title="second", seed=1)


@pytest.fixture(scope="session")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return conv_pack(tmp_path_factory.mktemp("heavy") / "pack", title="heavy", ballast=24 << 20)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root with 'quotes' $(id)"


@pytest.fixture
def target(root: Path) -> Callable[..., Target]:
    """The rpi profile with the tests' own Python, which has every runtime, and its files below `root`."""

    def make(*overrides: str, kind: str = "rpi") -> Target:
        settings = [f"device.root={root}"]
        if kind == "rpi":
            settings.append(f"device.python={sys.executable}")
        return load_target(kind, None, [*settings, "device.runs=20", "device.engine=litert", *overrides])

    return make


@pytest.fixture
def local() -> LocalDevice:
    return LocalDevice()


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[LoopbackSshd]:
    require_openssh()
    server = LoopbackSshd(tmp_path / "sshd").start()
    yield server
    server.stop()


@pytest.fixture
def ssh_device(sshd: LoopbackSshd) -> Iterator[SshDevice]:
    device = SshDevice(SshAddress(sshd.host), config=sshd.config, connect_timeout=5)
    yield device
    device.close()
