"""Files onto a device: complete and verified, or not there; resumed where they were cut."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.ssh import SshDevice
from edgepack.devices.upload import upload
from edgepack.ground.errors import DeviceError
from tests.standins.sshd import LoopbackSshd


@pytest.fixture
def big(tmp_path: Path) -> Path:
    file = tmp_path / "big.bin"
    file.write_bytes(os.urandom(24 << 20))
    return file


class _Counter:
    """A task that remembers what it was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def update(self, done: float, total: float, text: str = "") -> None:
        self.seen.append((done, total))

    def finish(self, text: str) -> None:
        pass


def _arrived(folder: Path) -> int:
    """Bytes of an upload that have arrived in `folder` so far."""
    try:
        return sum(path.stat().st_size for path in folder.glob("remote.part-*"))
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("size", [0, 1, 65_536, (1 << 20) - 1, 1 << 20, 3_000_001])
def test_a_file_arrives_whole(ssh_device: SshDevice, tmp_path: Path, size: int) -> None:
    local, remote = tmp_path / "local.bin", tmp_path / "new" / "folder" / 'it\'s $(id) "x".bin'
    local.write_bytes(os.urandom(size))
    ssh_device.put(local, str(remote))
    assert remote.read_bytes() == local.read_bytes()
    assert [path.name for path in remote.parent.iterdir()] == [remote.name], "no temporary file may stay"
    assert remote.stat().st_mode & 0o777 == 0o644


def test_a_file_replaces_another_at_once(ssh_device: SshDevice, tmp_path: Path) -> None:
    local, remote = tmp_path / "local", tmp_path / "remote"
    remote.write_text("old")
    old = remote.open()
    local.write_text("new")
    ssh_device.put(local, str(remote))
    assert remote.read_text() == "new" and old.read() == "old", "a reader of the old file is not disturbed"


def test_get_brings_a_file_back(ssh_device: SshDevice, tmp_path: Path) -> None:
    there = tmp_path / "there $(x)"
    there.write_bytes(os.urandom(100_000))
    ssh_device.get(str(there), tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == there.read_bytes()
    with pytest.raises(DeviceError) as caught:
        ssh_device.get(str(tmp_path / "absent"), tmp_path / "nothing")
    assert caught.value.code == "EP-512" and not (tmp_path / "nothing").exists()


def test_a_large_file_that_is_there_is_not_sent_again(ssh_device: SshDevice, big: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    ssh_device.put(big, str(remote))
    inode = remote.stat().st_ino
    ssh_device.put(big, str(remote))
    assert remote.stat().st_ino == inode


def test_an_upload_goes_on_where_it_was_cut(ssh_device: SshDevice, big: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    digest = hashlib.sha256(big.read_bytes()).hexdigest()
    part = tmp_path / f"remote.part-{digest[:16]}-1"
    part.write_bytes(big.read_bytes()[: 20 << 20])
    late = part.open("ab")  # the session that was cut still has it open
    task = _Counter()
    upload(ssh_device, big, str(remote), task)
    late.write(b"late")
    late.close()
    assert remote.read_bytes() == big.read_bytes() and not part.exists()
    assert min(done for done, _ in task.seen) >= 20 << 20, "the first 20 MiB may not travel again"


def test_a_damaged_beginning_is_noticed_and_sent_anew(ssh_device: SshDevice, big: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    digest = hashlib.sha256(big.read_bytes()).hexdigest()
    (tmp_path / f"remote.part-{digest[:16]}-1").write_bytes(bytes(5 << 20))
    ssh_device.put(big, str(remote))
    assert remote.read_bytes() == big.read_bytes()


def test_a_cut_leaves_the_old_file_and_the_next_attempt_succeeds(
    sshd: LoopbackSshd, ssh_device: SshDevice, big: Path, tmp_path: Path
) -> None:
    remote = tmp_path / "remote"
    remote.write_text("old")
    ssh_device.run(["true"], timeout=10)

    def cut() -> None:
        while _arrived(tmp_path) < 1 << 20:
            time.sleep(0.001)
        sshd.kill()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(DeviceError) as caught:
        ssh_device.put(big, str(remote))
    thread.join()
    assert caught.value.code == "EP-509" and remote.read_text() == "old"
    sshd.start()
    ssh_device.put(big, str(remote))
    assert remote.read_bytes() == big.read_bytes()


def test_a_stalled_transfer_ends(sshd: LoopbackSshd, ssh_device: SshDevice, big: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    ssh_device.run(["true"], timeout=10)

    def stall() -> None:
        while not _arrived(tmp_path):
            time.sleep(0.001)
        sshd.stall()

    thread = threading.Thread(target=stall)
    thread.start()
    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        upload(ssh_device, big, str(remote), stall=2.0)
    thread.join()
    assert caught.value.code in ("EP-508", "EP-509") and time.monotonic() - start < 90 and not remote.exists()


def test_corruption_on_the_way_is_noticed(tmp_path: Path) -> None:
    class Corrupting(LocalDevice):
        """A link that flips a bit of everything it carries."""

        def feed(self, argv, source, **options):  # type: ignore[no-untyped-def]
            import io

            data = bytearray(source.read())
            data[len(data) // 2] ^= 1
            return super().feed(argv, io.BytesIO(bytes(data)), **options)

    local = tmp_path / "local"
    local.write_bytes(os.urandom(10_000))
    with pytest.raises(DeviceError) as caught:
        Corrupting().put(local, str(tmp_path / "remote"))
    assert caught.value.code == "EP-515" and sorted(path.name for path in tmp_path.iterdir()) == ["local"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_freed_again(ssh_device: SshDevice, big: Path, small_disk: Path) -> None:
    with pytest.raises(DeviceError) as caught:
        ssh_device.put(big, str(small_disk / "remote"))
    assert caught.value.code == "EP-510"
    assert list(small_disk.iterdir()) == []


def test_a_read_only_disk_is_named(ssh_device: SshDevice, small_disk: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    local = tmp_path / "local"
    local.write_text("x")
    with pytest.raises(DeviceError) as caught:
        ssh_device.put(local, str(small_disk / "remote"))
    assert caught.value.code == "EP-511" and str(small_disk) in str(caught.value)
