"""The stand-in device: started when needed, found when running, labelled always, gone when told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.kinds import open_device
from edgepack.project import load_target
from edgepack.standins import sshd, standin
from tests.standins.leaks import gone, ssh_clients
from tests.standins.sshd import require_openssh


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    require_openssh()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state dir"))
    yield standin.state_folder()
    for one in standin.running():
        standin.down(one.name)


def test_up_is_idempotent_and_down_leaves_nothing(state: Path) -> None:
    first = standin.up("rpi")
    assert standin.up("rpi") == first and standin.running() == (first,)
    assert standin.down("rpi") is True and standin.down("rpi") is False
    assert standin.running() == () and list(state.iterdir()) == []
    assert gone(lambda: sshd.running_pid(first.folder))


def test_several_stand_ins_live_side_by_side() -> None:
    assert [one.name for one in (standin.up("rpi"), standin.up("rpi-zero2"))] == ["rpi", "rpi-zero2"]
    assert len({one.port for one in standin.running()}) == 2


def test_keys_are_private_and_it_listens_on_the_loopback_only(state: Path) -> None:
    started = standin.up("rpi")
    for key in ("host_key", "user_key"):
        assert (started.folder / key).stat().st_mode & 0o077 == 0
    assert started.folder.stat().st_mode & 0o077 == 0
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"]
    assert [address for address in listening if int(address.split(":")[1], 16) == started.port] == [
        f"0100007F:{started.port:04X}"
    ]


def test_the_host_key_is_checked_with_the_stand_in_too() -> None:
    target = load_target("rpi", None)
    with open_device(target) as device:
        assert device.run(["echo", "hello"], timeout=10).text == "hello"
    folder = standin.state_folder() / "rpi"
    shutil.copy(folder / "user_key.pub", folder / "host_key.pub")  # another key than sshd's own is expected from now on
    with open_device(target) as device, pytest.raises(DeviceError) as caught:
        device.run(["true"], timeout=10)
    assert caught.value.code == "EP-506"


def test_a_stale_pid_file_is_no_running_stand_in() -> None:
    first = standin.up("rpi")
    os.kill(first.pid, signal.SIGKILL)
    assert gone(standin.running)
    (first.folder / "sshd.pid").write_text(f"{os.getpid()}\n")  # the number went to another process
    assert standin.running() == ()
    second = standin.up("rpi")
    assert second.pid not in (first.pid, os.getpid())


def test_files_on_it_survive_a_restart(state: Path) -> None:
    started = standin.up("rpi")
    (started.folder / "home" / "kept").write_text("x")
    sshd.stop(started.folder)
    assert (standin.up("rpi").folder / "home" / "kept").read_text() == "x"


def test_a_run_without_an_address_starts_and_stops_its_own() -> None:
    target = load_target("rpi", None)
    with open_device(target) as device:
        assert device.stand_in and "stand" in device.stand_in_reason
        facts = device.facts()
        assert facts.stand_in and facts.home.endswith("/rpi/home")
        assert len(standin.running()) == 1
    assert standin.running() == () and gone(ssh_clients)


def test_one_started_by_hand_stays(state: Path) -> None:
    started = standin.up("rpi")
    with open_device(load_target("rpi", None), "standin"):
        pass
    assert standin.running() == (started,)


def test_the_last_of_two_users_stops_it() -> None:
    target = load_target("rpi", None)
    with open_device(target) as one:
        with open_device(target) as two:
            assert two.run(["true"], timeout=10).status == 0
        assert one.run(["true"], timeout=10).status == 0 and len(standin.running()) == 1
    assert standin.running() == ()


def test_a_killed_user_does_not_keep_it_alive() -> None:
    program = (
        "import os, signal\nfrom edgepack.kinds import open_device\nfrom edgepack.project import load_target\n"
        "with open_device(load_target('rpi', None)) as d:\n"
        "    d.run(['true'], timeout=10); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGKILL
    assert len(standin.running()) == 1
    with open_device(load_target("rpi", None)) as device:
        assert device.run(["true"], timeout=10).status == 0
    assert standin.running() == ()


def test_a_session_sees_no_package_of_the_host() -> None:
    with open_device(load_target("rpi", None)) as device:
        said = device.run(["python3", "-c", "import sys; print(sys.prefix)"], timeout=20).text
    assert said == sys.base_prefix != sys.prefix or sys.prefix == sys.base_prefix


@pytest.mark.parametrize("name", ["", "../x", "a b", "$(id)", "-x", "x/y"])
def test_names_that_cannot_be_folders_are_refused(name: str) -> None:
    with pytest.raises(DeviceError) as caught:
        standin.up(name)
    assert caught.value.code == "EP-522"


def test_a_missing_sshd_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program, path=None: None)
    with pytest.raises(ToolError) as caught:
        standin.up("rpi")
    assert caught.value.code == "EP-681" and "openssh-server" in caught.value.hint and caught.value.exit_code == 5


def test_a_machine_that_is_not_the_targets_hardware_is_a_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A real address whose model name is not a Raspberry Pi's: reached, but labelled."""
    from edgepack.devices import ssh
    from edgepack.devices.ssh_address import SshAddress

    started = standin.up("elsewhere")
    reach = ssh.SshDevice
    monkeypatch.setattr(ssh, "SshDevice", lambda address, **_: reach(SshAddress(started.alias), config=started.config))
    with open_device(load_target("rpi", None), "pi@somewhere") as device:
        assert device.stand_in and "Raspberry Pi" in device.stand_in_reason and device.facts().stand_in
