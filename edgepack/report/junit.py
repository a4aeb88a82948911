"""JUnit XML: every budget a test case, for the pages of continuous integration servers.

The form is what both Ant's schema and Jenkins' accept: properties first, then test cases, then the output texts, with every
attribute that either requires and none that one refuses.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from edgepack.judge.verdict import Verdict
from edgepack.project.units import format_quantity
from edgepack.report.format import METHODS, label, value_of
from edgepack.report.report import Report

# What XML 1.0 cannot hold even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(report: Report) -> bytes:
    """The report as one test suite: FAIL is a failure, NOT MEASURED is skipped; measurements and steps are properties."""
    failed = sum(verdict.status == "FAIL" for verdict in report.verdicts)
    skipped = sum(verdict.status == "NOT MEASURED" for verdict in report.verdicts)
    seconds = sum(_seconds(verdict) for verdict in report.verdicts)
    totals = {"tests": str(len(report.verdicts)), "failures": str(failed), "errors": "0", "time": f"{seconds:.6f}"}
    target = str(report.target.get("name", ""))
    root = ET.Element("testsuites")
    attributes = {
        "id": "0",
        "package": "edgepack",
        "name": f"edgepack.{report.name}.{target}",
        **totals,
        "skipped": str(skipped),
        "timestamp": report.created[:19],
        "hostname": str(report.device.get("hostname") or report.deployment.get("address") or target or "unknown"),
    }
    suite = ET.SubElement(root, "testsuite", xml_text(attributes))
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(report):
        ET.SubElement(properties, "property", xml_text({"name": name, "value": value}))
    for verdict in report.verdicts:
        add_verdict(suite, verdict, f"{report.name}.{target}")
    ET.SubElement(suite, "system-out").text = _text("\n".join(report.notes))
    ET.SubElement(suite, "system-err").text = _text("\n".join(report.warnings))
    return xml_document(root)


def add_verdict(suite: ET.Element, verdict: Verdict, classname: str) -> None:
    """A budget as a test case of a suite."""
    attributes = {"name": verdict.budget, "classname": classname, "time": f"{_seconds(verdict):.6f}"}
    case = ET.SubElement(suite, "testcase", xml_text(attributes))
    limit = format_quantity(verdict.limit, verdict.unit)
    text = f"{label(verdict.budget)}: {value_of(verdict.measurement)}, limit {limit}. {verdict.why}"
    if verdict.status == "FAIL":
        failure = ET.SubElement(case, "failure", xml_text({"message": text, "type": "budget"}))
        failure.text = _text(text)
    elif verdict.status == "NOT MEASURED":
        ET.SubElement(case, "skipped", xml_text({"message": text}))


def xml_document(root: ET.Element) -> bytes:
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
    found += [(f"model.{key}", str(report.model[key])) for key in ("sha256", "scheme") if key in report.model]
    for item in report.measurements:
        how = METHODS.get(item.method, item.method)
        found.append((f"measurement.{item.quantity}", f"{value_of(item)} ({how}){': ' + item.detail if item.detail else ''}"))
    for number, step in enumerate(report.steps):
        row = ", ".join(f"{key} {step[key]}" for key in ("metric", "sparsity", "int8_bytes", "deflated_bytes") if key in step)
        found.append((f"step.{number}.{step.get('step', '')}", row))
    found += [(f"version.{name}", version) for name, version in sorted(report.versions.items())]
    return found


def xml_text(attributes: dict[str, str]) -> dict[str, str]:
    """Attribute values as the schemas' tokens: one line, single spaces."""
    return {key: " ".join(_text(value).split()) for key, value in attributes.items()}


def _text(value: str) -> str:
    return _NOT_XML.sub("�", value)
