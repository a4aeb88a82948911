"""A fleet's report for people and for continuous integration servers: table, HTML, JUnit, and each device's own pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from edgepack.ground.errors import ProjectError
from edgepack.ground.files import atomic_folder, write_atomic
from edgepack.project.units import format_bytes, format_quantity
from edgepack.report.fleet import FleetDevice, FleetReport, folder_name
from edgepack.report.format import value_of
from edgepack.report.junit import add_verdict, xml_document, xml_text
from edgepack.report.report import Report
from edgepack.report.store import ReportFiles, write_reports
from edgepack.report.terminal import Column, print_line, print_table

if TYPE_CHECKING:
    from rich.console import Console

_TEMPLATE = Path(__file__).parent / "fleet.html"
_COLUMNS = (
    Column("device"),
    Column("state"),
    Column("budgets", True),
    Column("median", True),
    Column("sent", True),
    Column("took", True),
    Column("why"),
)
_TONES = {"deployed": "pass", "rolled back": "part", "not tried": "part", "stopped": "part", "failed": "fail"}
_STYLES = {"pass": "bold green", "fail": "bold red", "part": "yellow"}


def write_fleet_reports(report: FleetReport, reports: Mapping[str, Report], folder: Path) -> ReportFiles:
    """Write report.html, report.json and junit.xml of all devices, and those of each to `devices/NAME/`.

    Raises:
        ProjectError: EP-112 when the folder cannot be written.
    """
    files = ReportFiles(folder / "report.html", folder / "report.json", folder / "junit.xml")
    contents: dict[Path, str | bytes] = {
        files.json: json.dumps(report.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        files.junit: fleet_junit(report),
        files.html: fleet_html(report),
    }
    try:
        with atomic_folder(folder / "devices") as temporary:
            for name, single in reports.items():
                write_reports(single, temporary / folder_name(name))
        for file, content in contents.items():
            write_atomic(file, content)
    except OSError as error:
        raise ProjectError(
            "EP-112", f"cannot write {error.filename or folder}: {error.strerror}", "choose a folder with --out"
        ) from error
    return files


def print_fleet(report: FleetReport, console: Console) -> None:
    """The table of all devices."""
    print_line(console, "")
    tone = "bold green" if report.exit_code == 0 and not report.stopped_by else "bold red"
    print_line(console, f"{report.name} on {report.target.get('name', '')}: ", (report.headline(), tone))
    rows = []
    for device in report.devices:
        row = _row(device)
        cells = [row["budgets"], row["latency"], row["sent"], row["took"], row["why"]]
        rows.append((row["name"], (row["state"], _STYLES[row["tone"]]), *cells))
    print_table(console, _COLUMNS, rows)
    for device in report.devices:
        if device.hint:
            print_line(console, f"  {device.name}: error {device.code}; try: {device.hint}")
    if report.stopped_by:
        print_line(console, ("the roll-out was stopped by ", "yellow"), report.stopped_by)
    for text in report.warnings:
        print_line(console, ("warning: ", "yellow"), text)


def fleet_html(report: FleetReport) -> str:
    """All devices as one HTML page, with links to each one's own."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        title=f"{report.name} on {report.target.get('name', '')}",
        columns=_COLUMNS,
        rows=[_row(device) for device in report.devices],
    )


def fleet_junit(report: FleetReport) -> bytes:
    """One test suite a device: its deployment and its budgets are the test cases."""
    root = ET.Element("testsuites")
    target = str(report.target.get("name", ""))
    for number, device in enumerate(report.devices):
        classname = f"{report.name}.{target}.{device.name}"
        failed = sum(verdict.status == "FAIL" for verdict in device.verdicts)
        skipped = sum(verdict.status == "NOT MEASURED" for verdict in device.verdicts) + (device.state == "not tried")
        broken = device.state in ("failed", "stopped") or bool(device.code)
        attributes = {
            "id": str(number),
            "package": "edgepack",
            "name": f"edgepack.{classname}",
            "tests": str(len(device.verdicts) + 1),
            "failures": str(failed),
            "errors": str(int(broken)),
            "time": f"{device.seconds:.6f}",
            "skipped": str(skipped),
            "timestamp": report.created[:19],
            "hostname": device.name,
        }
        suite = ET.SubElement(root, "testsuite", xml_text(attributes))
        ET.SubElement(suite, "properties")
        case = ET.SubElement(
            suite, "testcase", xml_text({"name": "deploy", "classname": classname, "time": f"{device.seconds:.6f}"})
        )
        text = f"{device.state}: {device.why}"
        if broken:
            ET.SubElement(case, "error", xml_text({"message": text, "type": device.code or "stopped"}))
        elif device.state == "not tried":
            ET.SubElement(case, "skipped", xml_text({"message": text}))
        for verdict in device.verdicts:
            add_verdict(suite, verdict, classname)
        ET.SubElement(suite, "system-out")
        ET.SubElement(suite, "system-err")
    return xml_document(root)


def _row(device: FleetDevice) -> dict[str, Any]:
    passed = sum(verdict.status == "PASS" for verdict in device.verdicts)
    sent = device.deployment.get("uploaded")
    good = device.state == "deployed" and device.exit_code == 0
    return {
        "name": device.name,
        "address": device.address,
        "state": device.state,
        "tone": "pass" if good else "fail" if device.state == "deployed" else _TONES[device.state],
        "budgets": f"{passed} of {len(device.verdicts)}" if device.verdicts else "—",
        "latency": value_of(device.measurement("latency_p50")),
        "sent": "—" if sent is None else format_bytes(sent),
        "took": format_quantity(device.seconds, "s") if device.seconds else "—",
        "why": device.why,
        "hint": device.hint,
        "link": device.file,
    }
