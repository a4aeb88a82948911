"""The lock on the device: one holder, and none for ever."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.shell import Command
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.remote import lock as lock_module
from edgepack.remote.lock import SILENCE, DeviceLock
from edgepack.workers.process import Finished


class _Notes(SilentProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model" / "lock"


def _left(path: Path, **owner: object) -> None:
    """A lock as another deployer left it."""
    path.mkdir(parents=True)
    (path / "token").write_text("theirs")
    (path / "time").write_text(f"{int(time.time())}\n")
    (path / "owner").write_text(
        json.dumps({"token": "theirs", "user": "ann", "host": "elsewhere", "machine": "elsewhere", **owner})
    )


def test_a_held_lock_refuses_and_names_its_holder(path: Path) -> None:
    device = LocalDevice()
    with DeviceLock(device, str(path), SilentProgress()):
        with pytest.raises(DeviceError) as caught, DeviceLock(device, str(path), SilentProgress()):
            pass
        assert caught.value.code == "EP-514" and os.uname().nodename in str(caught.value)
    assert not path.exists()


def test_a_lock_just_taken_is_held_before_its_taker_has_heard_of_it(path: Path) -> None:
    """Two threads of one process: one looks while the other still waits for the device's answer, and while it gives back."""
    refused: list[str] = []

    class Slow(LocalDevice):
        def _execute(self, command: Command) -> Finished:
            if any("released" in word for word in command.argv):
                other()
            finished = super()._execute(command)
            if any("acquired" in word for word in command.argv):
                other()
            return finished

    def other() -> None:
        with pytest.raises(DeviceError) as caught, DeviceLock(LocalDevice(), str(path), SilentProgress()):
            pass
        refused.append(caught.value.code)

    with DeviceLock(Slow(), str(path), SilentProgress()):
        assert refused == ["EP-514"]
    assert refused == ["EP-514"] * 2 and not path.exists()


def test_a_holder_elsewhere_is_respected_until_it_falls_silent(path: Path) -> None:
    _left(path)
    with pytest.raises(DeviceError) as caught, DeviceLock(LocalDevice(), str(path), SilentProgress()):
        pass
    assert "ann@elsewhere" in str(caught.value) and (path / "token").read_text() == "theirs"
    (path / "time").write_text(f"{int(time.time()) - SILENCE - 5}\n")
    notes = _Notes()
    with DeviceLock(LocalDevice(), str(path), notes) as lock:
        assert (path / "token").read_text() == lock.token
    assert len(notes.notes) == 1 and "ann@elsewhere" in notes.notes[0] and "no sign of life" in notes.notes[0]
    assert list(path.parent.iterdir()) == []


def _uptime() -> int:
    return int(float(Path("/proc/uptime").read_text().split()[0]))


def test_the_message_tells_who_since_when_and_from_where(path: Path) -> None:
    import pwd

    _left(path, pid=4711)
    (path / "time").write_text(f"up {_uptime() - 100}\n")
    (path / "taken").write_text(f"up {_uptime() - 1000}\n")
    (path / "from").write_text("192.168.7.9")
    with pytest.raises(DeviceError) as caught, DeviceLock(LocalDevice(), str(path), SilentProgress()):
        pass
    said = str(caught.value)
    assert "ann@elsewhere (process 4711) is deploying there now, since 16 min, from 192.168.7.9" in said
    assert "last sign of life 10" in said
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
    with DeviceLock(LocalDevice(), str(path), SilentProgress()):
        owner = json.loads((path / "owner").read_text())
    assert owner["user"] == pwd.getpwuid(os.getuid()).pw_name, "whatever USER says"


def test_a_date_that_jumps_neither_keeps_nor_ends_a_lock(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board without a clock of its own starts in the past and is set when the network is there."""
    (tmp_path / "bin").mkdir()
    date = tmp_path / "bin" / "date"
    date.write_text(f'#!/bin/sh\necho "date {int(time.time()) + 86400 * 365}"\n')
    date.chmod(0o755)
    _left(path)
    (path / "time").write_text(f"up {_uptime()}\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(DeviceError) as caught, DeviceLock(LocalDevice(), str(path), SilentProgress()):
        pass
    assert caught.value.code == "EP-514"
    monkeypatch.setattr(lock_module, "SILENCE", 5)
    (path / "time").write_text(f"up {_uptime() - 6}\n")
    with DeviceLock(LocalDevice(), str(path), SilentProgress()):
        pass


def test_a_sign_of_life_from_the_future_is_of_another_boot(path: Path) -> None:
    _left(path)
    (path / "time").write_text(f"up {_uptime() + 500}\n")
    notes = _Notes()
    with DeviceLock(LocalDevice(), str(path), notes):
        pass
    assert "rebooted" in notes.notes[0]


def test_a_clock_set_back_does_not_keep_a_lock(path: Path) -> None:
    _left(path)
    (path / "time").write_text(f"{int(time.time()) + 10 * SILENCE}\n")
    with DeviceLock(LocalDevice(), str(path), SilentProgress()):
        pass


def test_a_reboot_of_the_device_ends_a_lock(path: Path) -> None:
    _left(path, device_boot="the boot before")
    notes = _Notes()
    with DeviceLock(LocalDevice(), str(path), notes):
        pass
    assert "rebooted" in notes.notes[0]


def test_a_killed_process_of_this_machine_ends_its_lock(path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom edgepack.remote.lock import DeviceLock\n"
        "from edgepack.devices.local import LocalDevice\n"
        "from edgepack.ground.progress import SilentProgress\n"
        "DeviceLock(LocalDevice(), sys.argv[1], SilentProgress()).__enter__(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert path.is_dir()
    notes = _Notes()
    with DeviceLock(LocalDevice(), str(path), notes):
        pass
    assert "its process has ended" in notes.notes[0]


def test_a_deployer_cut_off_while_taking_it_left_no_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "_NAMELESS", 0.5)
    path.mkdir(parents=True)
    with DeviceLock(LocalDevice(), str(path), SilentProgress(), wait=0):
        pass


def test_waiting_for_the_holder(path: Path) -> None:
    device = LocalDevice()
    first = DeviceLock(device, str(path), SilentProgress())
    first.__enter__()
    threading.Timer(1.5, lambda: first.__exit__(None, None, None)).start()
    with DeviceLock(device, str(path), SilentProgress(), wait=20):
        pass


def test_signs_of_life_are_given(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "_HEARTBEAT", 0.2)
    with DeviceLock(LocalDevice(), str(path), SilentProgress()):
        (path / "time").write_text("0\n")
        end = time.monotonic() + 30
        while (path / "time").read_text().strip() in ("", "0") and time.monotonic() < end:
            time.sleep(0.05)
        kind, now = (path / "time").read_text().split()
        assert kind == "up" and abs(int(now) - float(Path("/proc/uptime").read_text().split()[0])) < 5


def test_one_of_many_gets_a_stale_lock(path: Path) -> None:
    """Ten deployers find the same stale lock at once: they hold it one after the other, never two together."""
    _left(path)
    (path / "time").write_text("0\n")
    holding, most, errors = 0, 0, []
    guard = threading.Lock()

    def one() -> None:
        nonlocal holding, most
        try:
            with DeviceLock(LocalDevice(), str(path), SilentProgress(), wait=60):
                with guard:
                    holding += 1
                    most = max(most, holding)
                time.sleep(0.05)
                with guard:
                    holding -= 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and most == 1 and not path.exists()


def test_a_lock_taken_over_stops_the_switch(path: Path, tmp_path: Path) -> None:
    from edgepack.releases.switch import Admission, switch
    from edgepack.remote.layout import Layout

    place = Layout(str(tmp_path), "model")
    (tmp_path / "model" / "releases" / "abc").mkdir(parents=True)
    with DeviceLock(LocalDevice(), place.lock, SilentProgress()) as lock:
        (tmp_path / "model" / "lock" / "token").write_text("theirs")
        with pytest.raises(DeviceError) as caught:
            switch(LocalDevice(), place, "abc", lock.token, Admission())
    assert caught.value.code == "EP-530" and not (tmp_path / "model" / "current").is_symlink()
    assert (tmp_path / "model" / "lock").exists(), "another's lock is not ours to release"
