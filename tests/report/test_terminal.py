from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.report import format as fmt
from edgepack.report import print_inspection, print_measurements, print_report

from .fake import report


def printed(function, value, terminal=False, width=100):
    stream = io.StringIO()
    function(value, Console(file=stream, force_terminal=terminal, width=width, color_system="standard" if terminal else None))
    return stream.getvalue()


@pytest.mark.parametrize(("target", "real_hardware"), [("rpi", True), ("rpi", False), ("cortex-m4", False)])
def test_a_pipe_gets_one_line_a_verdict_with_its_whole_reason(target, real_hardware):
    one = report(target, real_hardware)
    text = printed(print_report, one)
    assert "\x1b" not in text
    for verdict in one.verdicts:
        (line,) = [line for line in text.splitlines() if line.endswith(verdict.why)]
        assert line.startswith(verdict.status)
    for step in one.steps:
        assert any(line.startswith(step["label"]) and f"{step['metric']:.4f}" in line for line in text.splitlines())
    assert "warning: The CPU governor" in text


def test_columns_line_up_in_a_pipe():
    lines = printed(print_report, report()).splitlines()
    header = next(index for index, line in enumerate(lines) if line.startswith("verdict"))
    at = lines[header].index("why")
    assert all(line[at - 2 : at] == "  " and line[at] != " " for line in lines[header : header + 6])


def test_a_terminal_gets_colour_and_keeps_to_its_width():
    text = printed(print_report, report(real_hardware=False), terminal=True, width=80)
    assert "\x1b[" in text
    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()) for line in text.splitlines()) <= 80


def test_names_are_no_markup():
    text = printed(print_report, report(name="[red]x[/red]", warnings=["[bold]w"]), terminal=True)
    assert "[red]x[/red]" in text and "[bold]w" in text


def test_control_characters_of_a_model_cannot_reach_the_terminal():
    one = report(steps=[{"label": "a\x1b]0;evil\x07b", "metric": 0.5}])
    for terminal in (True, False):
        text = printed(print_report, one, terminal=terminal)
        assert "\x1b]0" not in text and "\x07" not in text


def test_a_value_that_was_not_judged_is_in_parentheses():
    assert "(3.28 ms)" in printed(print_report, report(real_hardware=False))
    assert "(3.28 ms)" not in printed(print_report, report())


def test_an_estimate_is_marked():
    assert "PASS, estimate" in printed(print_report, report("cortex-m4", False))


def test_measurements_say_how_and_under_which_conditions():
    text = printed(print_measurements, report().measurements)
    assert "Latency, median   3.28 ms  on the device" in text
    assert "Latency, median and 2 more: threads 1, runs 200, warmup 20, engine litert 2.3.0" in text


def test_an_inspection_shows_each_operator_and_the_totals(shared_models):
    inspection = inspect_model(read_model(shared_models / "pretrainedResnet_quant.tflite"))
    text = printed(print_inspection, inspection)
    assert sum("CONV_2D" in line for line in text.splitlines()) == 9
    assert "16 operators, 12,501,632 MACs" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "—"), (0, "0"), (640, "640"), (2656, "2,656"), (131072, "131 k"), (12501632, "12.5 M"), (3e9, "3 G")],
)
def test_counts_are_short(value, text):
    assert fmt.count(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0 %"), (0.5, "50 %"), (0.00463, "0.463 %"), (1.0, "100 %"), (None, "—")])
def test_shares_are_per_cent(value, text):
    assert fmt.share(value) == text


def test_facts_have_units_and_no_empty_rows():
    facts = dict(
        fmt.facts(
            {
                "memory": 2**30,
                "frequency": 1.8e9,
                "temperature": 48.25,
                "os": "",
                "cores": 4,
                "extra": {},
                "ok": True,
                "clock_hz": 8e7,
            }
        )
    )
    assert facts == {
        "memory": "1 GiB",
        "frequency": "1.8 GHz",
        "temperature": "48.2 °C",
        "cores": "4",
        "ok": "yes",
        "clock": "80 MHz",
    }


@pytest.mark.parametrize(
    ("golden", "text"),
    [
        ({"inputs": 16, "inputs_differing": 0}, "all 16 equal the reference bit for bit"),
        (
            {"inputs": 16, "inputs_differing": 2, "max_difference": 3.0, "unit": "steps", "answers_moved": 1},
            "2 of 16 differ from the reference, at most by 3 steps; 1 answer changed",
        ),
    ],
)
def test_golden_vectors_are_told_in_a_sentence(golden, text):
    assert fmt.golden_text(golden) == text
