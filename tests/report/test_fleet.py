from __future__ import annotations

import io
import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from edgepack.ground.errors import ProjectError
from edgepack.report import FleetDevice, FleetReport, fleet_from_json, print_fleet, read_any_report, read_report, with_report
from edgepack.report.store import write_fleet_reports

from .fake import report


def fleet(**changes):
    one = report()
    devices = (
        replace(with_report(FleetDevice("one", "ssh://one", "deployed"), one), current="3b0f7c1e", seconds=3.25),
        FleetDevice("two", "ssh://two", "failed", 4, None, "it <broke>", "EP-502", "look at it", 1.5),
        FleetDevice("$(x)", "ssh://x", "not tried", why="two: it <broke>"),
        FleetDevice("four", "four", "deployed", 4, code="EP-517", why="a crash", deployment=one.deployment),
    )
    created = "2026-11-30T09:00:00+00:00"
    return replace(FleetReport("digits", one.target, "3b0f7c1e", devices, 4, created, 12.5, "two: it <broke>"), **changes)


def test_a_fleets_report_is_read_back_as_it_was_and_written_the_same(tmp_path):
    files = write_fleet_reports(fleet(), {"one": report()}, tmp_path / "a")
    again = read_any_report(files.json)
    assert again == fleet() == fleet_from_json(json.loads(files.json.read_text()))
    assert write_fleet_reports(again, {}, tmp_path / "b").json.read_bytes() == files.json.read_bytes()
    assert read_report(files.json.parent / "devices" / "one" / "report.json") == report()
    with pytest.raises(ProjectError, match="the report of 4 devices"):
        read_report(files.json)


def test_what_a_device_did_not_come_to_is_an_empty_object():
    rows = fleet().to_dict()["devices"]
    assert rows[1]["device"] == rows[1]["deployment"] == {}
    assert rows[0]["device"]["hostname"] == "pi4" and rows[3]["deployment"]["golden"]["inputs"] == 16


def test_a_fleet_passed_when_every_device_did():
    assert not fleet().passed and fleet(exit_code=0).passed


def test_every_form_has_every_device(tmp_path):
    files = write_fleet_reports(fleet(), {"one": report()}, tmp_path)
    stream = io.StringIO()
    print_fleet(fleet(), Console(file=stream, width=100))
    rows = [line.split() for line in stream.getvalue().splitlines()]
    (one,) = [row for row in rows if row[:1] == ["one"]]
    assert one == ["one", "deployed", "5", "of", "5", "3.28", "ms", "66.9", "MiB", "3.25", "s"]
    html = files.html.read_text()
    assert 'href="devices/one/report.html"' in html and "it &lt;broke&gt;" in html and "<broke>" not in html
    assert html.count('<th class="number">') == 4
    suites = ET.fromstring(files.junit.read_bytes())
    assert [suite.get("hostname") for suite in suites] == ["one", "two", "$(x)", "four"]
    assert [suite.get("errors") for suite in suites] == ["0", "1", "0", "1"]
