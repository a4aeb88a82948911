from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from edgepack.diagnosis import Explanation
from edgepack.engines.types import GoldenCheck
from edgepack.flatbuffer import inspect_model, read_model
from edgepack.report import (
    Candidate,
    CrossValidation,
    print_crossval,
    print_explanation,
    print_inspection,
    print_measurements,
    print_report,
)
from edgepack.report import format as fmt
from edgepack.report.facts import facts, golden_text
from edgepack.report.html.page import report_html

from .fake import explained, report, step


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
    for row in one.steps:
        assert any(line.startswith(row.label) and f"{row.metric:.4f}" in line for line in text.splitlines())
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
    text = printed(print_report, report(name="[red]x[/red]", warnings=("[bold]w",)), terminal=True)
    assert "[red]x[/red]" in text and "[bold]w" in text


def test_control_characters_of_a_model_cannot_reach_the_terminal():
    one = report(steps=(step("x", "a\x1b]0;evil\x07b", 0.5),))
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
    found = dict(
        facts(
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
    assert found == {
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
        (GoldenCheck(16, 0, 0.0, 0.0, 0, None, "litert"), "all 16 equal the reference bit for bit"),
        (
            GoldenCheck(16, 2, 3.0, 0.0, 1, 4.0, "litert"),
            "2 of 16 differ from the reference, at most by 3 steps; 1 answer changed",
        ),
    ],
)
def test_golden_vectors_are_told_in_a_sentence(golden, text):
    assert golden_text(golden) == text


def test_a_number_that_is_none_is_a_dash():
    text = printed(print_report, report(steps=(step("x", "broken", math.nan, interval=(0.1, 0.2)),)))
    (line,) = [line for line in text.splitlines() if line.startswith("broken")]
    assert line.split()[1] == "—"


def test_crossvalidation_names_the_last_candidate_within_the_drop():
    drops = {"0.5": 0.001, "0.9": 0.2}
    candidates = tuple(
        Candidate(value, (0.9, 0.8), (drop, drop), drop, 0.001, 0.0007, 0.5, 2048.0) for value, drop in drops.items()
    )
    outcome = CrossValidation("prune.sparsity", 2, 0, "accuracy", 0.01, (0.9, 0.86), candidates, "0.5", False)
    text = printed(print_crossval, outcome)
    assert "prune.sparsity, 2 folds: accuracy of the float model on held-out folds 0.8800 (mean)" in text
    assert "prune.sparsity = 0.5 is the last candidate" in text
    assert next(line for line in text.splitlines() if line.startswith("0.5")).endswith("2 KiB  chosen")
    none = printed(print_crossval, replace(outcome, chosen=None))
    assert "No candidate stays within a drop of 0.01." in none


def test_an_explanation_shows_advice_errors_and_mistakes():
    found = explained()
    whole = Explanation("digits", report().steps, found.errors, None, found.confusion, found.classes, found.advice)
    text = printed(print_explanation, whole)
    assert "- Every layer follows the float model closely." in text
    assert "Without a counterpart in the float model: softmax" in text
    (dense,) = [line for line in text.splitlines() if line.startswith("dense") and "dB" in line]
    assert dense.endswith("100 %") and "32.0 dB" in dense and "< 0.01 %" in dense
    (mistake,) = [line.split() for line in text.splitlines() if line.startswith("dog")]
    assert mistake == ["dog", "cat", "4", "11.8", "%"]


def test_the_step_table_tells_the_weights_size_from_the_files_and_what_its_columns_are():
    one = report("cortex-m4", False)
    lines = printed(print_report, one, width=200).splitlines()
    head = next(line for line in lines if line.startswith("step "))
    assert head.split()[-5:] == ["bits", "float", "int8", "deflated", "file"]
    rows = [line for line in lines if line.startswith(("pruned 50 %", "the int8 .tflite"))]
    assert rows[0].endswith("304 KiB  76.9 KiB  47.8 KiB"), "a Keras model has no file yet"
    assert rows[1].endswith("304 KiB  76.9 KiB  34.6 KiB  96.2 KiB")
    assert any(line.startswith("values: ") and "bits per weight" in line for line in lines)
    html = report_html(one)
    assert '<th class="r">Float</th>' in html and "entropy of the codes, in bits per weight" in html


def test_each_of_several_labels_has_a_row():
    told = replace(explained(), labels=((80, 2, 3, 15), (0, 0, 0, 100), (100, 0, 0, 0)), confusion=None)
    text = printed(print_explanation, Explanation("tags", (), told.errors, None, None, ("car", "tree"), (), labels=told.labels))
    rows = [line.split() for line in text[text.index("Labels of the .tflite") :].splitlines()]
    assert ["car", "18", "15", "3", "2", "88.2", "%", "83.3", "%"] in rows
    assert ["tree", "100", "100", "0", "0", "100", "%", "100", "%"] in rows
    assert ["2", "0", "0", "0", "0", "—", "—"] in rows
    assert "Wrongly found" in report_html(report(explanation=told))
