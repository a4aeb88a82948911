"""What a device, a model or a stored report says is text on a page, in JUnit's file, in a notebook and on a terminal."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from edgepack.ground.progress import PlainProgress, RichProgress
from edgepack.report import (
    FleetDevice,
    FleetReport,
    RecipeStep,
    fleet_from_json,
    print_fleet,
    print_inspection,
    print_measurements,
    print_report,
    write_reports,
)
from edgepack.report.html.fleet import fleet_html
from edgepack.report.html.page import report_html
from edgepack.report.junit import fleet_junit, junit_xml
from edgepack.report.notebook import report_fragment
from edgepack.report.report import Report
from tests.hostile import HOSTILE, harmful

from .fake import inspection, model, raspberry_pi, report, step

every_name = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")  # what rich itself writes for colours and lines


def hostile_report(name: str) -> Report:
    """A report in which every text from outside is `name`."""
    one = report()
    looked = inspection()
    layers = tuple(replace(layer, layer=name, operator=name) for layer in looked.layers)
    device = replace(raspberry_pi(True), hostname=name, model=name, os=name, kernel=name, machine=name, governor=name)
    return report(
        name=name,
        device=device,
        inspection=replace(looked, layers=layers),
        model=replace(model(), file=name, scheme=name, metric_name=name, operators={name: 1}),
        steps=(step("float", name, 0.5), step("prune", name, 0.4, notes=(name,))),
        measurements=tuple(replace(item, detail=name, conditions={name: name}) for item in one.measurements),
        verdicts=tuple(replace(verdict, why=name) for verdict in one.verdicts),
        preprocessing={name: name},
        recipe=(RecipeStep(name, {name: name}),),
        versions={name: name},
        warnings=(name,),
        notes=(name,),
    )


def hostile_fleet(name: str) -> FleetReport:
    one = report()
    devices = (FleetDevice(name, name, "failed", 4, None, name, "EP-502", name, 1.5, file=name),)
    return FleetReport(name, one.target, name, devices, 4, "2026-11-30T09:00:00+00:00", 1.0, name, (name,))


class Tags(HTMLParser):
    """The tags of a page with the names of their attributes, and what its attributes would load."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.loading: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(key for key, _ in attrs if key != "class")))
        self.loading += [value for key, value in attrs if key in ("href", "src", "data", "action", "srcset", "xlink:href")]


def _tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    parser.close()
    return parser


@every_name
def test_a_page_has_the_tags_of_one_with_plain_names(name: str) -> None:
    for make in (lambda one: report_html(hostile_report(one)), lambda one: report_fragment(hostile_report(one))):
        page, plain_page = make(name), make("n")
        assert _tags(page).tags == _tags(plain_page).tags
        assert _tags(page).loading == _tags(plain_page).loading
        assert not harmful(page)


@every_name
def test_a_fleets_page_links_to_its_own_pages_only(name: str) -> None:
    page = fleet_html(hostile_fleet(name))
    assert not harmful(page) and not [link for link in _tags(page).loading if link]
    assert _tags(page).tags == _tags(fleet_html(hostile_fleet("n"))).tags


@pytest.mark.parametrize(
    "file",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example/devices/a/report.html",
        "https://evil.example",
        "devices/../report.html",
        "devices/a/../../report.html",
        "devices/a/report.html\nx",
        "devices/a/report.html?x",
        "/etc/passwd",
    ],
)
def test_a_stored_report_cannot_link_elsewhere(file: str) -> None:
    stored = json.loads(json.dumps(hostile_fleet("n").to_dict()))
    stored["devices"][0]["file"] = file
    assert "href" not in fleet_html(fleet_from_json(stored)).split("<body>")[1]


@every_name
def test_junit_has_the_elements_of_one_with_plain_names(name: str) -> None:
    for make in (lambda one: junit_xml(hostile_report(one)), lambda one: fleet_junit(hostile_fleet(one))):
        text = make(name).decode()
        ours, theirs = ET.fromstring(text), ET.fromstring(make("n"))
        assert [(one.tag, sorted(one.attrib)) for one in ours.iter()] == [(one.tag, sorted(one.attrib)) for one in theirs.iter()]
        assert not harmful(text)


@every_name
def test_stored_files_hold_nothing_that_a_pager_obeys(name: str, tmp_path) -> None:
    files = write_reports(hostile_report(name), tmp_path)
    for file in (files.html, files.json, files.junit):
        assert not set(harmful(file.read_text(encoding="utf-8"))) - {"\U000e0041"}, file.name
    assert json.loads(files.json.read_text(encoding="utf-8"))["device"]["hostname"] == name


@every_name
@pytest.mark.parametrize("terminal", [False, True])
def test_a_terminal_gets_no_command_of_a_name(name: str, terminal: bool) -> None:
    one = hostile_report(name)
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100, color_system="standard" if terminal else None)
    print_report(one, console)
    print_measurements(one.measurements, console)
    print_fleet(hostile_fleet(name), console)
    looked = inspection()
    layers = tuple(replace(layer, layer=name, operator=name, quantization=name) for layer in looked.layers)
    print_inspection(replace(looked, layers=layers, outside_tflm=(name,)), console)
    said = ESCAPES.sub("", stream.getvalue()) if terminal else stream.getvalue()
    assert not harmful(said) and "\r" not in said and "\t" not in said
    assert "]8;" not in said.replace(name, ""), "a link"


@every_name
def test_progress_shows_names_as_text(name: str) -> None:
    plain, rich = io.StringIO(), io.StringIO()
    console = Console(file=rich, force_terminal=True, width=300, color_system=None)
    for progress in (PlainProgress(plain, interval=0), RichProgress(console)):
        with progress.stage(name, name) as task:
            task.update(1, 2, name)
            task.finish(name)
        progress.note(name)
        progress.warn(name)
    lines = plain.getvalue()
    assert not harmful(lines) and lines.count("\n") == 5
    assert not harmful(ESCAPES.sub("", rich.getvalue()).replace("\r", ""))
