"""JUnit XML: every budget a test case, for the pages of continuous integration servers.

The form is what both Ant's schema and Jenkins' accept: properties first, then test cases, then the output texts, with every
attribute that either requires and none that one refuses.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from edgepack.ground.escape import harmless
from edgepack.ground.plain import plain
from edgepack.judge.verdict import Verdict
from edgepack.report.fleet import FleetReport
from edgepack.report.format import label, limit_of, method, value_of
from edgepack.report.report import Report


def junit_xml(report: Report) -> bytes:
    """The report as one test suite: FAIL is a failure, NOT MEASURED is skipped; measurements and steps are properties."""
    failed = sum(verdict.status == "FAIL" for verdict in report.verdicts)
    skipped = sum(verdict.status == "NOT MEASURED" for verdict in report.verdicts)
    seconds = sum(_seconds(verdict) for verdict in report.verdicts)
    totals = {"tests": str(len(report.verdicts)), "failures": str(failed), "errors": "0", "time": f"{seconds:.6f}"}
    target = report.target.name
    root = ET.Element("testsuites")
    attributes = {
        "id": "0",
        "package": "edgepack",
        "name": f"edgepack.{report.name}.{target}",
        **totals,
        "skipped": str(skipped),
        "timestamp": report.created[:19],
        "hostname": getattr(report.device, "hostname", "") or target or "unknown",
    }
    suite = ET.SubElement(root, "testsuite", _tokens(attributes))
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", _tokens({"name": name, "value": value}))
    for verdict in report.verdicts:
        _add_verdict(suite, verdict, f"{report.name}.{target}")
    ET.SubElement(suite, "system-out").text = harmless("\n".join(report.notes))
    ET.SubElement(suite, "system-err").text = harmless("\n".join(report.warnings))
    return _document(root)


def fleet_junit(report: FleetReport) -> bytes:
    """One test suite a device: its deployment and its budgets are the test cases."""
    root = ET.Element("testsuites")
    target = report.target.name
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
        suite = ET.SubElement(root, "testsuite", _tokens(attributes))
        ET.SubElement(suite, "properties")
        case = ET.SubElement(
            suite, "testcase", _tokens({"name": "deploy", "classname": classname, "time": f"{device.seconds:.6f}"})
        )
        text = f"{device.state}: {device.why}"
        if broken:
            ET.SubElement(case, "error", _tokens({"message": text, "type": device.code or "stopped"}))
        elif device.state == "not tried":
            ET.SubElement(case, "skipped", _tokens({"message": text}))
        for verdict in device.verdicts:
            _add_verdict(suite, verdict, classname)
        ET.SubElement(suite, "system-out")
        ET.SubElement(suite, "system-err")
    return _document(root)


def _add_verdict(suite: ET.Element, verdict: Verdict, classname: str) -> None:
    """A budget as a test case of a suite."""
    attributes = {"name": verdict.budget, "classname": classname, "time": f"{_seconds(verdict):.6f}"}
    case = ET.SubElement(suite, "testcase", _tokens(attributes))
    limit = limit_of(verdict)
    text = f"{label(verdict.budget)}: {value_of(verdict.measurement)}, limit {limit}. {verdict.why}"
    if verdict.status == "FAIL":
        failure = ET.SubElement(case, "failure", _tokens({"message": text, "type": "budget"}))
        failure.text = harmless(text)
    elif verdict.status == "NOT MEASURED":
        ET.SubElement(case, "skipped", _tokens({"message": text}))


def _document(root: ET.Element) -> bytes:
    """An element as an indented XML file."""
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _seconds(verdict: Verdict) -> float:
    """What a server plots as a test's duration: the latency, for budgets of latency."""
    value = verdict.measurement.value if verdict.measurement and verdict.unit == "s" else None
    return value or 0.0


def _properties(report: Report) -> list[tuple[str, str]]:
    found = [("edgepack.exit_code", str(report.exit_code)), ("edgepack.real_hardware", str(report.real_hardware).lower())]
    if report.model is not None:
        found += [("model.sha256", report.model.sha256), ("model.scheme", report.model.scheme)]
    for item in report.measurements:
        how = method(item.method)
        found.append((f"measurement.{item.quantity}", f"{value_of(item)} ({how}){': ' + item.detail if item.detail else ''}"))
    for number, step in enumerate(report.steps):
        keys = ("metric", "sparsity", "int8_bytes", "deflated_bytes")
        found.append((f"step.{number}.{step.step}", ", ".join(f"{key} {plain(getattr(step, key))}" for key in keys)))
    found += [(f"version.{name}", version) for name, version in sorted(report.versions.items())]
    return found


def _tokens(attributes: dict[str, str]) -> dict[str, str]:
    """Attribute values as the schemas' tokens: one line, single spaces."""
    return {key: " ".join(harmless(value).split()) for key, value in attributes.items()}
