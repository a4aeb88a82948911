"""Writing a report's files and reading one back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.ground.errors import ProjectError
from edgepack.ground.escape import json_text
from edgepack.ground.files import atomic_folder, write_atomic
from edgepack.ground.foreign import parse_json, read_regular
from edgepack.report.fleet import FleetReport, fleet_from_json, folder_name
from edgepack.report.html.fleet import fleet_html
from edgepack.report.html.page import report_html
from edgepack.report.junit import fleet_junit, junit_xml
from edgepack.report.report import Report, from_json

_LARGEST = 256 << 20  # bytes; a fleet's report holds every device's


@dataclass(frozen=True)
class ReportFiles:
    """Where the reports are."""

    html: Path
    json: Path
    junit: Path


def write_reports(report: Report, folder: Path) -> ReportFiles:
    """Write report.html, report.json and junit.xml into `folder`, each whole or not at all.

    Raises:
        ProjectError: EP-112 when the folder cannot be written.
    """
    files = ReportFiles(folder / "report.html", folder / "report.json", folder / "junit.xml")
    # All of them are made before the first is written, so that a run stopped here hardly ever leaves reports of two runs.
    contents: dict[Path, str | bytes] = {
        files.json: _json(report),
        files.junit: junit_xml(report),
        files.html: report_html(report),
    }
    try:
        for file, content in contents.items():
            write_atomic(file, content)
    except OSError as error:
        place = error.filename or folder
        raise ProjectError("EP-112", f"cannot write {place}: {error.strerror}", "choose a folder with --out") from error
    return files


def write_fleet_reports(report: FleetReport, reports: Mapping[str, Report], folder: Path) -> ReportFiles:
    """Write report.html, report.json and junit.xml of all devices, and those of each to `devices/NAME/`.

    Raises:
        ProjectError: EP-112 when the folder cannot be written.
    """
    files = ReportFiles(folder / "report.html", folder / "report.json", folder / "junit.xml")
    contents: dict[Path, str | bytes] = {
        files.json: _json(report),
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


def _json(report: Report | FleetReport) -> str:
    """Strict JSON in the fields' own order, which is the order they are shown in."""
    return json_text(report.to_dict(), indent=2, allow_nan=False) + "\n"


def read_report(file: Path) -> Report:
    """The report of one device in a report.json.

    Raises:
        ProjectError: EP-111 when there is none, or it is none of this version's.
    """
    found = read_any_report(file)
    if isinstance(found, FleetReport):
        hint = f"each device's own is below {file.parent / 'devices'}"
        raise ProjectError("EP-111", f"{file} is the report of {len(found.devices)} devices", hint)
    return found


def read_any_report(file: Path) -> Report | FleetReport:
    """The report in a report.json, of one device or of many.

    Raises:
        ProjectError: EP-111 when there is none, or it is none of this version's.
    """
    try:
        values = parse_json(read_regular(file, _LARGEST))
        if values.get("kind") == "fleet":
            return fleet_from_json(values)
        report = from_json(values)
    except OSError as error:
        hint = "deploy first, or name the target with --target"
        raise ProjectError("EP-111", f"cannot read the report {file}: {error.strerror}", hint) from error
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        hint = "deploy again; nothing is trained anew when nothing changed"
        raise ProjectError("EP-111", f"{file} is no report of this version of edgepack ({error})", hint) from error
    model = file.parent / "pack" / "model.tflite"
    known = report.pack and model.is_file() and not pack_warning(report, file.parent)
    return replace(report, model_path=model) if known else report


def pack_warning(report: Report | FleetReport, folder: Path) -> str:
    """Why the report in `folder` is not of the pack beside it, "" when it is: a later run was stopped before its end."""
    measured = report.release if isinstance(report, FleetReport) else report.pack
    try:
        there = str(parse_json(read_regular(folder / "pack" / "manifest.json", _LARGEST))["id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    if not measured or measured == there:
        return ""
    return f"the report is of pack {measured}, and beside it is pack {there}, of a run that was stopped; deploy again"
