"""The stand-in for a phone: there when none is attached, gone afterwards, and never mistaken for a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.adb import AdbDevice
from edgepack.devices.adb_client import Adb, list_attached
from edgepack.ground.errors import DeviceError
from edgepack.kinds import open_device
from edgepack.project import Target, load_target
from edgepack.remote.layout import layout
from edgepack.standins.adbd import HostUserland
from tests.standins.adb_clients import private_adb
from tests.standins.adb_device import AdbStandin


@pytest.fixture(params=["debian", "google"])
def adb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with private_adb(request.param, tmp_path / "adb", monkeypatch) as program:
        yield program


@pytest.fixture
def android() -> Target:
    return load_target("android")


def test_without_a_phone_a_stand_in_is_used_and_says_so(adb: str, android: Target, tmp_path: Path) -> None:
    with open_device(android) as device:
        assert device.stand_in and "stands in" in device.stand_in_reason and device.facts().stand_in
        assert device.run(["echo", "here"], timeout=30).text == "here"
        root = layout(device, "kws", android.device.root).root
        assert root == str(tmp_path / "state/edgepack/standins/android/home/edgepack")
        device.run(["mkdir", "-p", root], timeout=30)
        assert list_attached(Adb(adb)) == (), "it is nothing to the user's own server"
    with open_device(android) as again:
        assert again.run(["ls", root], timeout=30).status == 0, "what it was given stays"


def test_two_runs_have_a_stand_in_each(adb: str, android: Target) -> None:
    with open_device(android) as one, open_device(android) as other:
        assert one.address != other.address
        assert one.run(["true"], timeout=30).status == other.run(["true"], timeout=30).status == 0


def test_a_phone_is_taken_before_a_stand_in(adb: str, android: Target, tmp_path: Path) -> None:
    phone = AdbStandin(HostUserland(tmp_path / "phone"))
    try:
        AdbDevice(phone.serial)
        with open_device(android, "standin") as chosen, open_device(android) as device:
            assert chosen.stand_in and device.address == phone.serial and not device.stand_in
            assert layout(device, "kws", android.device.root).root == "/data/local/tmp/edgepack"
        phone.configure(authorised=False)
        phone.drop()
        with pytest.raises(DeviceError) as caught, open_device(android, phone.serial):
            pass
        assert caught.value.code == "EP-542"
    finally:
        phone.stop()


def test_an_address_is_never_replaced_by_a_stand_in(adb: str, android: Target) -> None:
    with pytest.raises(DeviceError) as caught, open_device(android, "0A1B2C3D"):
        pass
    assert caught.value.code == "EP-541"
