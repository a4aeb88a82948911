"""Files onto a device: complete and verified, or not there; resumed where they were cut."""

from __future__ import annotations

import hashlib
import io
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.packed import Unpacker
from edgepack.devices.shell import ShellDevice
from edgepack.devices.ssh import SshDevice
from edgepack.devices.upload import upload
from edgepack.ground.errors import DeviceError
from edgepack.ground.small import small
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


def _compressible(size: int, seed: int = 1) -> bytes:
    return bytes(random.Random(seed).choices(range(8), k=size))


def _without(tmp_path: Path, *names: str) -> str:
    """A PATH with everything but these programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for directory in ("/usr/bin", "/bin"):
        for program in Path(directory).iterdir():
            if program.name not in names and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


class _There(LocalDevice):
    """This machine's shell with another PATH, as a device that files are sent to; counts what travels."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.travelled, self.forms = path, 0, []

    def unpacker(self) -> Unpacker | None:  # type: ignore[override]
        return ShellDevice.unpacker(self)

    def run(self, argv, **settings):  # type: ignore[no-untyped-def]
        return super().run(["env", f"PATH={self.path}", *argv], **settings)

    def feed(self, argv, source, **settings):  # type: ignore[no-untyped-def]
        content = source.read()
        self.travelled += len(content)
        self.forms.append(content[:6])
        return super().feed(["env", f"PATH={self.path}", *argv], io.BytesIO(self.damaged(content)), **settings)

    def damaged(self, content: bytes) -> bytes:
        return content


@pytest.mark.parametrize(
    ("absent", "begins", "most"),
    [
        ((), b"\xfd7zXZ\0", 0.42),
        (("xz",), b"\xfd7zXZ\0", 0.42),
        (("xz", "python3"), b"\x1f\x8b\x08", 0.5),
        (("xz", "python3", "gzip"), None, 1.0),
    ],
    ids=["xz", "python", "gzip", "nothing"],
)
def test_a_file_travels_in_the_smallest_form_that_can_be_unpacked_there(
    tmp_path: Path, absent: tuple[str, ...], begins: bytes | None, most: float
) -> None:
    local, remote = tmp_path / "model.tflite", tmp_path / "there" / "it's $(x)" / "model"
    local.write_bytes(_compressible(96_256))
    device = _There(_without(tmp_path, *absent))
    sent = device.put(local, str(remote))
    assert remote.read_bytes() == local.read_bytes() and remote.stat().st_mode & 0o777 == 0o644
    assert sent == device.travelled <= most * 96_256
    assert device.forms[0].startswith(begins if begins is not None else local.read_bytes()[:6])
    assert [path.name for path in remote.parent.iterdir()] == ["model"], "no temporary file may stay"


@pytest.mark.parametrize("content", [os.urandom(50_000), b"short", b""])
def test_what_becomes_no_smaller_travels_as_it_is(tmp_path: Path, content: bytes) -> None:
    local = tmp_path / "file"
    local.write_bytes(content)
    device = _There(os.environ["PATH"])
    assert device.put(local, str(tmp_path / "remote")) == device.travelled == len(content)
    assert (tmp_path / "remote").read_bytes() == content


class _Damages(_There):
    def __init__(self, how: str) -> None:
        super().__init__(os.environ["PATH"])
        self.how = how

    def damaged(self, content: bytes) -> bytes:
        return content[:-100] if self.how == "cut" else content[:500] + bytes([content[500] ^ 1]) + content[501:]


@pytest.mark.parametrize("how", ["cut", "changed"])
def test_a_small_form_that_arrives_damaged_is_refused(tmp_path: Path, how: str) -> None:
    local, remote = tmp_path / "local", tmp_path / "there" / "remote"
    local.write_bytes(_compressible(60_000))
    with pytest.raises(DeviceError) as caught:
        _Damages(how).put(local, str(remote))
    assert caught.value.code == "EP-515" and list(remote.parent.iterdir()) == []


@pytest.mark.parametrize("script", ["exit 1", "cat", "head -c 1000 /dev/zero", "xz -dc | head -c 59999"])
def test_where_unpacking_goes_wrong_the_file_travels_as_it_is(tmp_path: Path, script: str) -> None:
    local, remote = tmp_path / "local", tmp_path / "there" / "remote"
    local.write_bytes(_compressible(60_000))
    device = _There(os.environ["PATH"])
    device.unpacker = lambda: Unpacker("xz", script)  # type: ignore[method-assign]
    assert device.put(local, str(remote)) == 60_000
    assert remote.read_bytes() == local.read_bytes() and len(device.forms) == 2
    assert [path.name for path in remote.parent.iterdir()] == ["remote"]


def test_over_ssh_fewer_bytes_travel(ssh_device: SshDevice, tmp_path: Path) -> None:
    local, remote = tmp_path / "local", tmp_path / "remote"
    local.write_bytes(_compressible(200_000))
    task = _Counter()
    assert upload(ssh_device, local, str(remote), task) < 90_000
    assert remote.read_bytes() == local.read_bytes() and task.seen[-1][1] < 90_000


def test_a_small_form_that_was_cut_is_gone_on_with(
    ssh_device: SshDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgepack.devices.upload._RESUMABLE", 10_000)
    local, remote = tmp_path / "local", tmp_path / "remote"
    local.write_bytes(_compressible(200_000))
    sent = small(local.read_bytes(), "xz")
    (tmp_path / f"remote.part-{hashlib.sha256(sent).hexdigest()[:16]}-1").write_bytes(sent[:50_000])
    task = _Counter()
    upload(ssh_device, local, str(remote), task)
    assert remote.read_bytes() == local.read_bytes() and min(done for done, _ in task.seen) >= 50_000
    assert {path.name for path in tmp_path.glob("remote*")} == {"remote"}
    assert upload(ssh_device, local, str(remote)) == 0, "it is there"


def test_a_disk_without_room_for_both_forms_gets_the_file_itself(ssh_device: SshDevice, small_disk: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(_compressible(1_700_000))
    assert ssh_device.put(local, str(small_disk / "remote")) == 1_700_000
    assert (small_disk / "remote").read_bytes() == local.read_bytes()
    assert [path.name for path in small_disk.iterdir()] == ["remote"]


def test_a_disk_that_is_full_while_unpacking_is_named_and_freed(ssh_device: SshDevice, small_disk: Path, tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(_compressible(3_000_000))
    with pytest.raises(DeviceError) as caught:
        ssh_device.put(local, str(small_disk / "remote"))
    assert caught.value.code == "EP-510" and list(small_disk.iterdir()) == []
