"""A deployment to many devices: waves, what stops it, the way back, and the reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from edgepack.ground.errors import DeviceError, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.deploy import run_deploy
from edgepack.pipeline.fleet.rolling import Crew, waves
from edgepack.pipeline.manage import list_installed, run_rollback, run_uninstall
from edgepack.pipeline.request import Request
from edgepack.project.inventory.inventory import Host
from edgepack.report import FleetReport
from edgepack.standins import standin
from tests.flatbuffer.build import conv_model
from tests.standins.leaks import control_folders, gone, ssh_clients
from tests.standins.quick_python import quick_python
from tests.standins.releases import current_release, no_leftovers
from tests.standins.sshd import require_openssh

NAMES = ("one", "two", "three", "four")


class Fleet:
    """Four stand-ins, each an sshd with a home folder of its own, and a Python that answers at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inventory = folder / "hosts.ini"
        self.inventory.write_text("[all]\n" + "".join(f"{name} ansible_host=standin:{name}\n" for name in NAMES))
        self.python = quick_python(folder / "quick python")
        for index, content in enumerate((conv_model(), conv_model(data=np.full((3, 3, 3, 2), 3)))):
            (folder / str(index)).mkdir()
            (folder / str(index) / "conv.tflite").write_bytes(content)

    def model(self, version: int) -> Path:
        return self.folder / str(version) / "conv.tflite"

    def request(self, version: int = 0, *overrides: str, **options: Any) -> Request:
        return Request(
            project=self.model(version),
            target="rpi",
            overrides=(f"device.python={self.python}", "budget.accuracy_drop=none", *overrides),
            out=self.folder / "out",
            **{"inventory": self.inventory, **options},
        )

    def deploy(self, version: int = 0, *overrides: str, **options: Any) -> FleetReport:
        outcome = run_deploy(self.request(version, *overrides, **options), SilentProgress())
        assert isinstance(outcome, FleetReport)
        return outcome

    def root(self, name: str) -> Path:
        return standin.state_folder() / name / "home" / "edgepack"

    def current(self) -> dict[str, str | None]:
        return {name: current_release(self.root(name), "conv") for name in NAMES}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    require_openssh()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("EDGEPACK_RPI", raising=False)
    for name in NAMES:
        standin.up(name)
    yield Fleet(tmp_path)
    for name in NAMES:
        standin.down(name)


def test_waves() -> None:
    hosts = [Host(str(number), str(number)) for number in range(7)]
    names = [[host.name for host in wave] for wave in waves(hosts, 2, 3)]
    assert names == [["0", "1"], ["2", "3", "4"], ["5", "6"]]
    assert [len(wave) for wave in waves(hosts, 0, 0)] == [7] and [len(wave) for wave in waves(hosts, 9, 0)] == [7]


def test_a_bad_result_begins_no_further_device() -> None:
    hosts = [Host(str(number), str(number)) for number in range(50)]
    crew: Crew[int] = Crew(lambda host: int(host.name), workers=2)
    assert not crew.run(hosts, lambda number: number == 1)
    assert {"0", "1"} <= crew.results.keys() and len(crew.results) < 50


def test_all_devices_get_the_release_and_the_way_back(fleet: Fleet) -> None:
    first = fleet.deploy(0)
    release = first.release
    assert set(fleet.current().values()) == {release} and first.exit_code == 0
    assert [device.name for device in first.devices] == list(NAMES)
    assert {device.state for device in first.devices} == {"deployed"}
    assert all(device.verdicts and device.deployment.release == release for device in first.devices)
    second = fleet.deploy(1, canary=1, batch=2)
    assert set(fleet.current().values()) == {second.release} != {release}

    rows = run_rollback(fleet.request(1, limit="one:two"), fleet.model(1), SilentProgress())
    assert [row.result.release for row in rows if row.result] == [release, release]
    assert fleet.current() == {"one": release, "two": release, **dict.fromkeys(("three", "four"), second.release)}
    listed = list_installed(fleet.request(1, limit="one"), SilentProgress(), fleet.model(1))[0].result
    assert listed is not None and {row.state for row in listed} == {"current", "previous"}

    gone_now = run_uninstall(fleet.request(1), fleet.model(1), SilentProgress())
    assert all(row.result is not None and row.result.root_removed for row in gone_now)
    assert not any(fleet.root(name).exists() for name in NAMES)
    assert gone(ssh_clients) and not control_folders()


def test_the_reports_have_every_device(fleet: Fleet) -> None:
    from edgepack.report import fleet_from_json

    standin.down("three")
    hard = "$(touch pwned)<i>/../x"
    text = fleet.inventory.read_text().replace("standin:three", "nobody@127.0.0.1:1")
    fleet.inventory.write_text(text.replace("four ansible", f"'{hard}' ansible"))
    outcome = fleet.deploy(0)
    assert outcome.exit_code == 4 and not outcome.passed and outcome.accuracy is None
    assert outcome.model_path is not None and outcome.model_path.read_bytes() == fleet.model(0).read_bytes()
    assert "&lt;i&gt;" in outcome._repr_html_() and "<i>" not in outcome._repr_html_()
    assert outcome.folder is not None
    text = (outcome.folder / "report.json").read_text()
    assert fleet_from_json(json.loads(text)) == outcome
    rows = {device.name: device for device in outcome.devices}
    assert rows["three"].state == "failed" and rows["three"].code == "EP-502" and rows["one"].exit_code == 0
    suites = ET.parse(outcome.folder / "junit.xml").getroot()
    assert [suite.get("hostname") for suite in suites] == ["one", "two", "three", hard]
    assert [suite.get("errors") for suite in suites] == ["0", "0", "1", "0"]
    html = (outcome.folder / "report.html").read_text()
    assert "$(touch pwned)&lt;i&gt;" in html and "<i>" not in html and 'href="devices/one/report.html"' in html
    folders = sorted(path.name for path in (outcome.folder / "devices").iterdir())
    assert folders[1:] == ["one", "two"] and folders[0].startswith("__touch_pwned__i__.._x-")
    assert not list(fleet.folder.rglob("pwned"))
    assert (outcome.folder / "devices" / "one" / "report.json").is_file()


def test_wrong_outputs_on_a_canary_reach_no_other_device(fleet: Fleet) -> None:
    before = fleet.deploy(0).release
    wrong = quick_python(fleet.folder / "wrong python", golden={"median_difference": 99, "inputs_differing": 8})
    quick_python(fleet.python, before=f'case $HOME in */two/home) case " $*" in *" golden "*) exec "{wrong}" "$@";; esac;; esac')
    outcome = fleet.deploy(1, canary=2)
    assert outcome.exit_code == 4
    states = {device.name: (device.state, device.code) for device in outcome.devices}
    assert states == {
        "one": ("rolled back", ""),
        "two": ("failed", "EP-527"),
        "three": ("not tried", ""),
        "four": ("not tried", ""),
    }
    assert "two" in outcome.stopped_by and set(fleet.current().values()) == {before}
    for name in NAMES:
        no_leftovers(fleet.root(name), "conv")


def test_a_missed_budget_takes_all_of_it_back(fleet: Fleet) -> None:
    outcome = fleet.deploy(1, "budget.model_size=100 B")
    assert outcome.exit_code == 1 and set(fleet.current().values()) == {None}, "nothing was deployed before"
    assert {device.state for device in outcome.devices} == {"rolled back"}
    kept = fleet.deploy(1, "budget.model_size=100 B", on_failure="continue")
    assert kept.exit_code == 1 and set(fleet.current().values()) == {kept.release}
    stays = fleet.deploy(1, "budget.model_size=100 B")
    assert set(fleet.current().values()) == {stays.release}, "it was there before the command, and stays"


def test_no_device_at_all_is_an_error(fleet: Fleet) -> None:
    fleet.inventory.write_text("[all]\na ansible_host=nobody@127.0.0.1:1\nb ansible_host=nobody@127.0.0.1:1\n")
    with pytest.raises(DeviceError) as caught:
        fleet.deploy(0)
    assert caught.value.code == "EP-502" and not (fleet.folder / "out").exists()


def test_options_of_a_fleet_need_one(fleet: Fleet) -> None:
    for options in ({"inventory": None, "limit": "x"}, {"inventory": None, "canary": 1}, {"device": "a@b"}):
        with pytest.raises(ProjectError) as caught:
            fleet.deploy(0, **options)
        assert caught.value.code == "EP-115"


def test_ctrl_c_leaves_each_device_old_or_new(fleet: Fleet) -> None:
    before = fleet.deploy(0).release
    mark = fleet.folder / "three is at it"
    quick_python(
        fleet.python, before=f'case $HOME in */three/home) case " $*" in *" golden "*) touch "{mark}"; sleep 60;; esac;; esac'
    )
    words = [sys.executable, "-m", "edgepack", "deploy", str(fleet.folder / "1" / "conv.tflite"), "--target", "rpi"]
    words += ["--inventory", str(fleet.inventory), "--out", str(fleet.folder / "out"), "--json"]
    words += ["--set", f"device.python={fleet.python}", "--set", "budget.accuracy_drop=none"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ.copy())
    while not mark.exists() or sum(release != before for release in fleet.current().values()) < 2:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    now = fleet.current()
    report = json.loads((fleet.folder / "out" / "report.json").read_text())
    assert now["three"] == before and set(now.values()) == {before, report["release"]}
    assert {row["name"]: row["state"] for row in report["devices"]}["three"] == "stopped"
    assert not [name for name in NAMES if (fleet.root(name) / "conv" / "lock").exists()]
    quick_python(fleet.python)
    assert fleet.deploy(1).exit_code == 0
