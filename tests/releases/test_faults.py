"""Everything that can go wrong: afterwards `current` is the old or the new release, whole, and the next deployment succeeds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.ssh import SshDevice
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target
from edgepack.releases import release as release_module
from edgepack.releases.deploy import deploy
from tests.standins.leaks import gone, ssh_clients
from tests.standins.quick_python import quick_python
from tests.standins.releases import current_release, no_leftovers
from tests.standins.sshd import LoopbackSshd

Targets = Callable[..., Target]


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """A Python whose runner answers at once, where many deployments are made and the runner is not what is tested."""
    return quick_python(tmp_path / "quick python")


def _deploys(pack: Pack, target: Target, root: Path) -> None:
    deploy(pack, LocalDevice(), target, SilentProgress())
    assert current_release(root, "conv") == pack.id
    no_leftovers(root, "conv")


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_the_device_vanishes_in_the_middle_of_an_upload(
    sshd: LoopbackSshd, ssh_device: SshDevice, first: Pack, heavy: Pack, root: Path, target: Targets, share: float
) -> None:
    deploy(first, ssh_device, target(), SilentProgress())
    total = sum(path.stat().st_size for path in heavy.folder.rglob("*") if path.is_file())

    def cut() -> None:
        while sum(path.stat().st_size for path in (root / "conv" / "blobs").rglob("*") if path.is_file()) < share * total:
            time.sleep(0.001)
        sshd.kill()

    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises(DeviceError) as caught:
        deploy(heavy, ssh_device, target(), SilentProgress())
    thread.join()
    assert caught.value.code in ("EP-509", "EP-502")
    assert current_release(root, "conv") == first.id
    sshd.start()
    assert deploy(heavy, ssh_device, target(), SilentProgress()).release == heavy.id
    assert current_release(root, "conv") == heavy.id
    no_leftovers(root, "conv")


@pytest.mark.slow
def test_the_device_stalls_in_the_middle_of_an_upload(
    sshd: LoopbackSshd, ssh_device: SshDevice, first: Pack, heavy: Pack, root: Path, target: Targets
) -> None:
    deploy(first, ssh_device, target(), SilentProgress())

    def stall() -> None:
        while sum(path.stat().st_size for path in (root / "conv" / "blobs").rglob("*.part-*") if path.is_file()) < 1 << 20:
            time.sleep(0.001)
        sshd.stall()

    thread = threading.Thread(target=stall)
    thread.start()
    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        deploy(heavy, ssh_device, target(), SilentProgress())
    thread.join()
    assert caught.value.code in ("EP-504", "EP-508", "EP-509") and time.monotonic() - start < 150
    assert current_release(root, "conv") == first.id
    sshd.kill()
    sshd.start()
    deploy(heavy, ssh_device, target(), SilentProgress())
    assert current_release(root, "conv") == heavy.id


_DEPLOYER = """\
import sys
from pathlib import Path
from edgepack.releases.deploy import deploy
from edgepack.devices.ssh import SshDevice, SshAddress
from edgepack.ground.progress import SilentProgress
from edgepack.pack import read_pack
from edgepack.project import load_target
pack, root, host, config = sys.argv[1:5]
device = SshDevice(SshAddress(host), config=Path(config))
target = load_target("rpi", None, [f"device.root={root}", f"device.python={sys.executable}"])
print("started", flush=True)
deploy(read_pack(Path(pack)), device, target, SilentProgress())
device.close()
"""


@pytest.mark.slow
def test_a_deployer_killed_at_any_time(sshd: LoopbackSshd, first: Pack, heavy: Pack, root: Path, target: Targets) -> None:
    _deploys(first, target(), root)
    generator = random.Random(5)
    command = [sys.executable, "-c", _DEPLOYER, str(heavy.folder), str(root), sshd.host, str(sshd.config)]
    for _ in range(8):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(generator.uniform(0.05, 2.0))
        process.kill()
        process.wait()
        assert current_release(root, "conv") in (first.id, heavy.id)
        _deploys(first, target(), root)


def test_ctrl_c_gives_the_lock_back(sshd: LoopbackSshd, first: Pack, heavy: Pack, root: Path, target: Targets) -> None:
    _deploys(first, target(), root)
    command = [sys.executable, "-c", _DEPLOYER, str(heavy.folder), str(root), sshd.host, str(sshd.config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not list((root / "conv" / "blobs").rglob("*.part-*")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said and not (root / "conv" / "lock").exists()
    assert current_release(root, "conv") == first.id
    assert gone(ssh_clients)
    _deploys(first, target(), root)


@pytest.fixture
def small_disk(root: Path) -> Iterator[Callable[[str], None]]:
    """`small_disk("3m")` makes `root` a file system of that size, or resizes it."""
    root.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(root)], capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")

    def resize(options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(root)], check=True)

    yield resize
    subprocess.run(["umount", "-l", str(root)], check=True)


def test_room_is_asked_for_before_anything_is_sent(
    ssh_device: SshDevice, heavy: Pack, first: Pack, root: Path, target: Targets, small_disk: Callable[[str], None]
) -> None:
    deploy(first, ssh_device, target(), SilentProgress())
    with pytest.raises(DeviceError) as caught:
        deploy(heavy, ssh_device, target(), SilentProgress())
    assert caught.value.code == "EP-510" and "26.2 MB are needed" in str(caught.value)
    assert current_release(root, "conv") == first.id
    small_disk("size=60m")
    deploy(heavy, ssh_device, target(), SilentProgress())
    assert current_release(root, "conv") == heavy.id


@pytest.mark.slow
def test_the_disk_becomes_full_at_any_file(
    first: Pack,
    second: Pack,
    root: Path,
    target: Targets,
    small_disk: Callable[[str], None],
    quick: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody asked for room, and the disk has a page more each time until the release fits."""
    quickly = target(f"device.python={quick}")
    _deploys(first, quickly, root)
    monkeypatch.setattr(release_module, "insist_on_space", lambda *_: None)
    page = os.sysconf("SC_PAGE_SIZE")
    ballast = root / "ballast"
    failures = 0
    for free in range(0, 60):
        state = os.statvfs(root)
        ballast.write_bytes(bytes(max(0, state.f_bavail * state.f_bsize - free * page)))
        try:
            deploy(second, LocalDevice(), quickly, SilentProgress())
            done = True
        except DeviceError as error:
            assert error.code == "EP-510", f"{error.code} {error}"
            done = False
            failures += 1
        assert current_release(root, "conv") in (first.id, second.id)
        ballast.unlink()
        monkeypatch.undo()
        _deploys(first, quickly, root)
        monkeypatch.setattr(release_module, "insist_on_space", lambda *_: None)
        if done:
            break
    assert done and failures >= 5


def test_a_read_only_folder_is_named(
    ssh_device: SshDevice, first: Pack, second: Pack, root: Path, target: Targets, small_disk: Callable[[str], None]
) -> None:
    deploy(first, ssh_device, target(), SilentProgress())
    small_disk("ro")
    with pytest.raises(DeviceError) as caught:
        deploy(second, ssh_device, target(), SilentProgress())
    assert caught.value.code == "EP-511" and current_release(root, "conv") == first.id
    small_disk("rw")
    deploy(second, ssh_device, target(), SilentProgress())
    assert current_release(root, "conv") == second.id


def test_a_root_that_is_a_file_is_named(local: LocalDevice, first: Pack, root: Path, target: Targets) -> None:
    root.write_text("in the way")
    with pytest.raises(DeviceError) as caught:
        deploy(first, local, target(), SilentProgress())
    assert caught.value.code == "EP-512" and root.read_text() == "in the way"


def test_two_deployers_at_once(sshd: LoopbackSshd, first: Pack, second: Pack, root: Path, target: Targets) -> None:
    from edgepack.devices.ssh_address import SshAddress

    outcomes: list[str] = []

    def one(pack: Pack) -> None:
        device = SshDevice(SshAddress(sshd.host), config=sshd.config)
        try:
            deploy(pack, device, target(), SilentProgress())
            outcomes.append(pack.id)
        except DeviceError as error:
            assert error.code == "EP-514" and "is deploying there now" in str(error)
            outcomes.append("refused")
        finally:
            device.close()

    threads = [threading.Thread(target=one, args=(pack,)) for pack in (first, second, first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("refused") < 4 and len(outcomes) == 4
    assert current_release(root, "conv") in {outcome for outcome in outcomes if outcome != "refused"}
    no_leftovers(root, "conv")


def test_a_runtime_that_crashes_on_the_device_is_named(
    local: LocalDevice, first: Pack, root: Path, target: Targets, tmp_path: Path
) -> None:
    _deploys(first, target(), root)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\ncase " $* " in *" golden "*) kill -ABRT $$;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with pytest.raises(DeviceError) as caught:
        deploy(first, local, target(f"device.python={python}"), SilentProgress())
    assert caught.value.code == "EP-517" and "SIGABRT" in str(caught.value)
    assert current_release(root, "conv") == first.id


def test_a_device_without_python_is_told(local: LocalDevice, first: Pack, root: Path, target: Targets) -> None:
    with pytest.raises(DeviceError) as caught:
        deploy(first, local, target("device.python=no-such-python"), SilentProgress())
    assert caught.value.code == "EP-513" and "apt-get install python3" in caught.value.hint
    assert current_release(root, "conv") is None
