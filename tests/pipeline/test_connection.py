"""A device is reached before the build, kept when that was quick, and opened anew when it was not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgepack.devices import Device
from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import DeviceError, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline import connection
from edgepack.pipeline.connection import FRESH_SECONDS, Connection
from edgepack.pipeline.destination import Destination, DeviceRequest
from edgepack.pipeline.fleet.hosts import find_hosts
from edgepack.project import load_target


class Counted(Destination):
    """This machine, and how often it was opened and closed."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__(DeviceRequest(target="host"), load_target("host"))
        object.__setattr__(self, "said", [])
        object.__setattr__(self, "fails", fails)

    @contextmanager
    def open(self, address: str | None = None) -> Iterator[Device]:
        said: list[str] = self.said  # type: ignore[attr-defined]
        if self.fails:  # type: ignore[attr-defined]
            raise DeviceError("EP-504", "no answer")
        said.append("opened")
        try:
            yield LocalDevice()
        finally:
            said.append("closed")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(connection.time, "monotonic", lambda: now[0])
    return now


def test_after_a_quick_build_the_same_device_is_used(clock: list[float]) -> None:
    destination = Counted()
    with Connection(destination) as held:
        held.reach(SilentProgress())
        first = held.device()
        clock[0] += FRESH_SECONDS - 1
        assert held.device() is first and destination.said == ["opened"]  # type: ignore[attr-defined]
    assert destination.said == ["opened", "closed"]  # type: ignore[attr-defined]


def test_after_a_long_build_it_is_closed_and_opened_anew(clock: list[float]) -> None:
    destination = Counted()
    with Connection(destination) as held:
        held.reach(SilentProgress())
        first = held.device()
        clock[0] += 3600
        assert held.device() is not first
        assert destination.said == ["opened", "closed", "opened"]  # type: ignore[attr-defined]
    assert destination.said == ["opened", "closed", "opened", "closed"]  # type: ignore[attr-defined]


def test_a_device_that_does_not_answer_fails_at_once() -> None:
    with pytest.raises(DeviceError, match="no answer"), Connection(Counted(fails=True)) as held:
        held.reach(SilentProgress())


def test_a_failure_in_the_build_closes_it() -> None:
    destination = Counted()
    with pytest.raises(ValueError, match="the build"), Connection(destination) as held:
        held.reach(SilentProgress())
        raise ValueError("the build")
    assert destination.said == ["opened", "closed"]  # type: ignore[attr-defined]


def test_the_address_of_a_run_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPACK_RPI", "pi@first")
    destination = Destination(DeviceRequest(target="rpi"), load_target("rpi"))
    assert destination.address == "pi@first"
    monkeypatch.setenv("EDGEPACK_RPI", "pi@second")
    assert destination.address == "pi@first"
    assert Destination(DeviceRequest(target="rpi", device="pi@flag"), load_target("rpi")).address == "pi@flag"


def test_an_inventory_comes_before_an_address_that_could_not_be_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EDGEPACK_RPI", "not an address")
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("one\n")
    hosts = find_hosts(Destination(DeviceRequest(target="rpi", inventory=inventory), load_target("rpi")), SilentProgress())
    assert hosts is not None and [host.name for host in hosts] == ["one"]


@pytest.mark.parametrize("target", ["host", "cortex-m4"])
def test_an_inventory_needs_a_network(target: str, tmp_path: Path) -> None:
    request: dict[str, Any] = {"target": target, "inventory": tmp_path / "hosts.ini"}
    with pytest.raises(ProjectError, match=f"target {target} is no device of a network") as caught:
        find_hosts(Destination(DeviceRequest(**request), load_target(target)), SilentProgress())
    assert (caught.value.code, caught.value.hint) == ("EP-115", "use an ssh or adb target")
