"""Android devices through the real adb clients, against a loopback device whose faults are at hand."""

from __future__ import annotations

import io
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.adb import AdbDevice
from edgepack.devices.adb_client import Adb, Attached, find_adb, list_attached
from edgepack.ground.errors import DeviceError, EdgepackError, ToolError
from edgepack.standins.adbd import HostUserland
from edgepack.standins.adbd.message import AUTH, CNXN
from tests.standins.adb_clients import private_adb
from tests.standins.adb_device import AdbStandin
from tests.standins.leaks import gone, processes_with


@pytest.fixture(params=["debian", "google"])
def adb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with private_adb(request.param, tmp_path / "adb home", monkeypatch) as program:
        yield program


@pytest.fixture
def phone(tmp_path: Path, adb: str) -> Iterator[AdbStandin]:
    device = AdbStandin(HostUserland(tmp_path / "phone"))
    yield device
    device.stop()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "phone" / "home"


def _refused(code: str, *arguments: object, **options: float) -> EdgepackError:
    with pytest.raises(EdgepackError) as caught:
        AdbDevice(*arguments, **options)  # type: ignore[arg-type]
    assert caught.value.code == code, caught.value
    return caught.value


def test_a_command_gives_its_status_and_both_streams(phone: AdbStandin) -> None:
    device = AdbDevice(phone.serial)
    completed = device.run(["sh", "-c", 'printf "%s" "$1"; echo no >&2; exit 3', "sh", "a  b'\"$(id)\n*"], timeout=30)
    assert (completed.status, completed.stdout, completed.stderr) == (3, b"a  b'\"$(id)\n*", b"no\n")
    assert device.run(["cat"], timeout=30, stdin=bytes(range(256)) * 9).stdout == bytes(range(256)) * 9
    assert device.run(["cat"], timeout=30).stdout == b"", "without input there is none, not the caller's"
    assert (device.kind, device.address) == ("adb", phone.serial)


def test_the_exit_status_does_not_come_from_adb(phone: AdbStandin, adb: str) -> None:
    """A device from before Android 7 gives none: adb exits 0, and both streams are one."""
    phone.configure(shell_v2=False)
    AdbDevice(phone.serial)
    bare = subprocess.run(
        [adb, "-s", phone.serial, "shell", "echo no >&2; exit 3"], capture_output=True, stdin=subprocess.DEVNULL
    )
    assert (bare.returncode, bare.stdout.strip()) == (0, b"no")


def test_a_file_arrives_whole(phone: AdbStandin, home: Path, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    (tmp_path / "file").write_bytes(content)
    device = AdbDevice(phone.serial)
    device.put(tmp_path / "file", f"{home}/a folder/it's")
    assert (home / "a folder/it's").read_bytes() == content
    device.get(f"{home}/a folder/it's", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    assert [path.name for path in (home / "a folder").iterdir()] == ["it's"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_upload_leaves_no_file_of_that_name_and_goes_on(
    phone: AdbStandin, home: Path, tmp_path: Path, share: float
) -> None:
    content = os.urandom(6_000_000)
    (tmp_path / "file").write_bytes(content)
    (home / "file").write_bytes(b"old")
    device = AdbDevice(phone.serial)
    phone.fail(drop_after_bytes=int(share * len(content)))
    with pytest.raises(DeviceError) as caught:
        device.put(tmp_path / "file", f"{home}/file")
    assert caught.value.code in ("EP-509", "EP-541", "EP-543"), caught.value
    assert (home / "file").read_bytes() == b"old"
    assert gone(lambda: processes_with(str(home))), "a command whose client is gone ends"
    phone.fail()
    device.put(tmp_path / "file", f"{home}/file")
    assert (home / "file").read_bytes() == content
    assert [path.name for path in home.iterdir()] == ["file"]
    if share == 0.9:
        assert phone.traffic[1] < 0.8 * len(content), "what had arrived was not sent again"


def test_a_byte_changed_on_the_way_is_noticed(phone: AdbStandin, home: Path, tmp_path: Path) -> None:
    content = os.urandom(1_500_000)
    (tmp_path / "file").write_bytes(content)
    device = AdbDevice(phone.serial)
    phone.fail(corrupt_at_byte=500_000)
    device.put(tmp_path / "file", f"{home}/file")
    assert (home / "file").read_bytes() == content and phone.traffic[1] > 2 * len(content), "sent twice"


def test_a_stalled_device_is_given_up(phone: AdbStandin, home: Path) -> None:
    device = AdbDevice(phone.serial)
    phone.fail(stall_after_bytes=2_000_000)
    with pytest.raises(DeviceError) as caught:
        device.feed(["cat"], io.BytesIO(bytes(30_000_000)), timeout=3, stall=3, on_sent=None)
    assert caught.value.code == "EP-508"
    phone.fail()
    assert device.run(["echo", "here"], timeout=30).text == "here", "the next command makes a new connection"


def test_a_command_that_takes_too_long_is_given_up(phone: AdbStandin) -> None:
    device = AdbDevice(phone.serial)
    with pytest.raises(DeviceError) as caught:
        device.run(["sleep", "60"], timeout=1)
    assert caught.value.code == "EP-508" and "sleep" in str(caught.value)
    assert device.run(["true"], timeout=30).status == 0


def test_a_device_that_vanishes_is_told_and_found_again(phone: AdbStandin) -> None:
    device = AdbDevice(phone.serial)
    phone.vanish()
    for _ in range(2):
        with pytest.raises(DeviceError) as caught:
            device.run(["true"], timeout=20)
        assert caught.value.code in ("EP-509", "EP-541", "EP-543", "EP-544"), caught.value
    phone.reappear()
    assert device.run(["true"], timeout=30).status == 0


def test_a_command_right_after_a_break_finds_the_connection_made_anew(phone: AdbStandin) -> None:
    """adb lists the device as offline then, for up to half a second. On a busy machine it may notice the break only as it hands
    the command over: whether that ran nobody knows, so it is told, and the same command again runs; or take so long to make the
    connection anew that the wait for it ends, which is told, too."""
    device = AdbDevice(phone.serial)
    for pause in (0.0, 0.05, 0.2, 0.0, 0.02, 0.1):
        phone.drop()
        time.sleep(pause)
        content = os.urandom(100_000)
        try:
            done = device.run(["cat"], timeout=30, stdin=content)
        except DeviceError as error:
            assert error.code == "EP-541" or (error.code == "EP-509" and "closed" in str(error))
            done = device.run(["cat"], timeout=30, stdin=content)
        assert done.stdout == content


def test_a_device_is_opened_right_after_its_connection_broke(phone: AdbStandin) -> None:
    AdbDevice(phone.serial)
    for pause in (0.0, 0.02, 0.1, 0.0, 0.3, 0.05):
        phone.drop()
        time.sleep(pause)
        device = AdbDevice(phone.serial)
        assert device._shell_v2 and device.run(["echo", "here"], timeout=30).stdout == b"here\n"


def test_a_connection_that_somebody_ended_is_made_anew(phone: AdbStandin, adb: str) -> None:
    """As another command of edgepack does that gave up on it."""
    device = AdbDevice(phone.serial)
    subprocess.run([adb, "disconnect", phone.serial], check=True, capture_output=True, timeout=30)
    assert device.run(["cat"], timeout=30, stdin=b"here").stdout == b"here"


def test_a_connection_that_is_just_being_made_is_waited_for(phone: AdbStandin, adb: str) -> None:
    """adb refuses commands until the device has agreed: "device still authorizing"."""
    device = AdbDevice(phone.serial)
    phone.fail(hang_at=AUTH)
    subprocess.run([adb, "disconnect", phone.serial], check=True, capture_output=True, timeout=30)
    with subprocess.Popen([adb, "connect", phone.serial], stdout=subprocess.DEVNULL):
        while [one.state for one in list_attached(Adb(adb))] != ["authorizing"]:
            time.sleep(0.02)
        whole = threading.Timer(1.0, phone.fail)
        whole.start()
        assert device.run(["cat"], timeout=30, stdin=b"here").stdout == b"here"
        whole.join()


def test_no_device_says_how_to_attach_one(adb: str) -> None:
    error = _refused("EP-540")
    assert "USB debugging" in error.hint


def test_an_unknown_serial_lists_those_attached(phone: AdbStandin) -> None:
    AdbDevice(phone.serial)
    assert phone.serial in _refused("EP-541", "0A1B2C3D").hint


def test_the_only_device_needs_no_serial_and_several_do(phone: AdbStandin, tmp_path: Path) -> None:
    AdbDevice(phone.serial)
    assert AdbDevice().address == phone.serial
    other = AdbStandin(HostUserland(tmp_path / "other"))
    try:
        AdbDevice(other.serial)
        error = _refused("EP-547")
        assert phone.serial in str(error) and other.serial in str(error) and "Test phone" in str(error)
        assert f"--device {min(phone.serial, other.serial)}" in error.hint or f"--device {phone.serial}" in error.hint
        assert AdbDevice(phone.serial).run(["true"], timeout=30).status == 0
    finally:
        other.stop()


def test_a_device_that_was_not_agreed_to_is_told_apart(phone: AdbStandin, adb: str) -> None:
    phone.configure(authorised=False)
    assert "agree" in _refused("EP-542", phone.serial).hint
    assert [(one.serial, one.state) for one in list_attached(Adb(adb))] == [(phone.serial, "unauthorized")]
    _refused("EP-542")
    phone.configure(authorised=True)
    assert AdbDevice(phone.serial).run(["true"], timeout=30).status == 0


def test_a_port_nobody_listens_on_is_told(phone: AdbStandin) -> None:
    phone.vanish()
    assert "refused" in str(_refused("EP-544", phone.serial))


def test_a_device_that_hangs_while_connecting_is_given_up(phone: AdbStandin) -> None:
    phone.fail(hang_at=CNXN)
    with pytest.raises(DeviceError) as caught:
        AdbDevice(phone.serial, connect_timeout=3)
    assert caught.value.code in ("EP-543", "EP-544") and phone.serial in str(caught.value)


def test_a_missing_adb_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPACK_ADB", "no-such-adb")
    with pytest.raises(ToolError) as caught:
        find_adb()
    assert caught.value.code == "EP-686"


def test_what_adb_says_of_usb_devices() -> None:
    """Lines of `adb devices -l` as the two versions print them."""
    from edgepack.devices.adb_client import _parse as parse
    from edgepack.devices.adb_client import not_ready

    assert parse("0A1B2C3D               device usb:1-4 product:oriole model:Pixel_6 device:oriole transport_id:1") == Attached(
        "0A1B2C3D", "device", "Pixel 6"
    )
    line = (
        "0A1B2C3D no permissions (missing udev rules? user is in the plugdev group); see [http://developer.android.com] usb:1-4"
    )
    blocked = parse(line)
    assert blocked is not None and not_ready(blocked).code == "EP-545"
    recovery = parse("0A1B2C3D recovery usb:1-4 transport_id:3")
    assert recovery is not None and not_ready(recovery).code == "EP-543"
