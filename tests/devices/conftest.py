from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.ssh import SshDevice
from edgepack.devices.ssh_address import SshAddress
from tests.standins.sshd import LoopbackSshd, require_openssh


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
