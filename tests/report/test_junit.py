"""JUnit files against the rules of Ant's and Jenkins' published schemas, transcribed here."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from edgepack.report.junit import junit_xml

from .fake import report

DECIMAL, INTEGER = r"[0-9]+(\.[0-9]+)?", r"[0-9]+"
SUITE = {
    "id": INTEGER,
    "package": r"\S+",
    "name": r"\S(.*\S)?",
    "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "hostname": r"\S(.*\S)?",
    "tests": INTEGER,
    "failures": INTEGER,
    "errors": INTEGER,
    "time": DECIMAL,
    "skipped": INTEGER,
}
CASE = {"name": r"\S(.*\S)?", "classname": r"\S(.*\S)?", "time": DECIMAL}
ATTRIBUTES = {
    "testsuites": {},
    "testsuite": SUITE,
    "testcase": CASE,
    "property": {"name": r"\S(.*\S)?", "value": r"(?s).*"},
    "failure": {"message": r"(?s).*", "type": r"\S+"},
    "skipped": {"message": r"(?s).*"},
    "properties": {},
    "system-out": {},
    "system-err": {},
}


def parsed(one):
    root = ET.fromstring(junit_xml(one))
    for element in root.iter():
        allowed = ATTRIBUTES[element.tag]
        assert set(element.attrib) == set(allowed), element.tag
        for name, value in element.attrib.items():
            assert re.fullmatch(allowed[name], value), (element.tag, name, value)
    (suite,) = root
    assert root.tag == "testsuites"
    order = [child.tag for child in suite]
    count = len(order) - 3
    assert order == ["properties", *["testcase"] * count, "system-out", "system-err"]
    for case in suite.iter("testcase"):
        assert len(case) <= 1 and all(child.tag in ("failure", "skipped") for child in case)
    return suite


def outcomes(suite):
    return {case.get("name"): (case[0].tag if len(case) else "passed") for case in suite.iter("testcase")}


def test_each_budget_is_a_test_case():
    suite = parsed(report())
    assert outcomes(suite) == dict.fromkeys(
        ["accuracy_drop", "model_size", "peak_memory", "latency_p50", "latency_p95"], "passed"
    )
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "0", "0")


def test_a_missed_budget_is_a_failure_that_says_why():
    suite = parsed(report(overrides=["budget.latency_p50=1 ms"]))
    assert outcomes(suite)["latency_p50"] == "failure" and suite.get("failures") == "1"
    failure = suite.find(".//failure")
    assert "limit 1 ms" in failure.get("message") and "3.3 times the limit; measured on the device." in failure.get("message")


def test_what_was_not_measured_is_skipped_with_its_reason():
    suite = parsed(report(real_hardware=False))
    assert [name for name, outcome in outcomes(suite).items() if outcome == "skipped"] == [
        "peak_memory",
        "latency_p50",
        "latency_p95",
    ]
    assert suite.get("skipped") == "3"
    assert all("says nothing about the target's hardware" in item.get("message") for item in suite.iter("skipped"))


def test_measurements_and_steps_are_properties():
    properties = {item.get("name"): item.get("value") for item in parsed(report()).iter("property")}
    assert properties["measurement.model_size"] == "96.2 KiB (from the file): model.tflite"
    assert "sparsity 0.7" in properties["step.3.quantize"]
    assert properties["version.edgepack"] == "0.1.0"


@pytest.mark.parametrize("text", ["<script>&\"'", "\x00\x1b[31m\x08", "\ufffe", "]]>", "ünïcode 漢 🎉", "a\nb"])
def test_any_text_gives_valid_xml(text):
    suite = parsed(report(name=f"x{text}x", warnings=(text,), notes=(text,), versions={f"v{text}v": text}))
    allowed = {"\x00", "\x1b", "\x08", "\ufffe"}
    expected = "".join("�" if character in allowed else character for character in text)
    assert suite.find("system-err").text == expected
