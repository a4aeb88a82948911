"""The staircase of bytes, in every form of the report."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace

import pytest
from rich.console import Console

from edgepack.compile.coding_table import CodingRow
from edgepack.report import print_report
from edgepack.report.charts.stairs import stairs_chart
from edgepack.report.html.page import report_html
from edgepack.report.report import from_json
from edgepack.report.stairs import stairs

from .fake import RESNET, coding, inspection, report, step, step_layers
from .test_html import checked

WEIGHTS = sum(row[4] for row in RESNET)


def in_codes():
    """ResNet-8, one of whose layers is coded."""
    rows = [
        CodingRow(layer, operator, "weights", weights, 4 * weights, weights, weights // 3, weights, "", "no code saves a quarter")
        for layer, operator, _, _, weights in RESNET
        if weights
    ]
    large = next(index for index, row in enumerate(rows) if row.layer == "conv2d_7")
    rows[large] = replace(rows[large], stored_bytes=16000, code="ans", why="saves 57 %")
    shifts = CodingRow("conv2d_7", "CONV_2D", "shifts", 300, 1200, 300, 20, 40, "palette", "saves 87 %")
    return (*rows, shifts)


def test_the_stairs_go_from_float32_to_what_is_stored():
    found = stairs(report("cortex-m4", False, coding=in_codes()))
    assert [(stair.name, stair.kind, stair.bytes) for stair in found.stairs] == [
        ("float32", "float", 4 * WEIGHTS),
        ("pruned 50 %", "step", WEIGHTS),
        ("pruned 70 %", "step", WEIGHTS),
        ("int8, aware", "step", WEIGHTS),
        ("int8 .tflite", "file", WEIGHTS),
        ("coded in flash", "coded", WEIGHTS - 36864 + 16000),
    ]
    assert [stair.metric for stair in found.stairs] == [0.8719, 0.8690, 0.8642, 0.8655, 0.8650, 0.8648]
    assert found.ends == "" and found.factor == pytest.approx(4 * WEIGHTS / (WEIGHTS - 20864))


def test_each_stair_has_its_bound_and_each_layer_its_own():
    one = report("cortex-m4", False, coding=in_codes())
    found = stairs(one)
    halved = sum(math.ceil(4.6 * row[4] / 8) for row in RESNET if row[4])
    assert abs(found.stairs[1].bound - halved) <= len(RESNET)
    assert found.stairs[4].bound == math.ceil(3.1 * WEIGHTS / 8) == one.totals.entropy_bytes
    large = next(layer for layer in found.layers if layer.layer == "conv2d_7")
    assert (large.float_bytes, large.file_bytes, large.coded_bytes, large.codes) == (4 * 36864, 36864, 16000, ("ans",))
    assert large.bounds == tuple(math.ceil(bits * 36864 / 8) for bits in (4.6, 3.1, 3.1))
    assert sum(layer.coded_bytes for layer in found.layers) == found.stairs[-1].bytes


@pytest.mark.parametrize(
    ("target", "changes", "why"),
    [
        ("cortex-m4", {"uncoded": "no code saves a quarter"}, "no code saves a quarter"),
        ("cortex-m4", {}, "no weights are in codes"),
        ("cortex-m4", {"overrides": ["device.runtime=tflm"]}, "TensorFlow Lite Micro runs the .tflite"),
        ("rpi", {}, "this target runs the .tflite as it is"),
    ],
)
def test_without_codes_they_end_at_the_file_and_say_why(target, changes, why):
    one = report(target, False, **changes)
    found = stairs(one)
    assert found.stairs[-1].kind == "file" and found.stairs[-1].bound is not None
    assert found.ends.startswith(why)
    assert why in checked(one).words and why in printed(one)


def test_a_step_that_changed_nothing_is_no_stair():
    same = step("quantize", "int8", 0.8642, layers=step_layers(0.7, 3.1))
    pruned = step("prune", "pruned 70 %", 0.8642, layers=step_layers(0.7, 3.1))
    found = stairs(report(steps=(step("float", "float", 0.87, layers=step_layers(0, 7.2)), pruned, same)))
    assert [stair.name for stair in found.stairs] == ["float32", "pruned 70 %", "int8 .tflite"]


def test_steps_of_an_older_cache_have_no_bound():
    old = tuple(replace(layer, entropy_bytes=None) for layer in step_layers(0.7, 3.1))
    found = stairs(report(steps=(step("float", "float", 0.87, layers=old), step("prune", "pruned", 0.86, layers=old))))
    assert found.stairs[1].bound is None and found.layers[0].bounds == (None,)
    assert "pruned: 77,360 bytes, accuracy 0.8600" in stairs_chart(found).described


def test_a_ready_file_has_stairs_without_steps():
    found = stairs(report(steps=()))
    assert [(stair.kind, stair.metric) for stair in found.stairs] == [("float", 0.8719), ("file", 0.865)]


@pytest.mark.parametrize(("kind", "each"), [("int4", 0.5), ("float16", 2), ("float32", 4), ("int8 x64", 1)])
def test_the_file_s_bytes_are_those_of_its_type(kind, each):
    looked = inspection()
    layers = tuple(
        replace(layer, quantization=f"int8, weights {kind}" if layer.weights.elements else "int8") for layer in looked.layers
    )
    found = stairs(report(inspection=replace(looked, layers=layers)))
    assert found.stairs[-1].bytes == each * WEIGHTS


def test_no_layers_no_stairs():
    assert stairs(report(inspection=None)) is None
    assert "staircase" not in report_html(report(inspection=None))
    assert report(inspection=None).to_dict()["stairs"] == {}


def test_json_has_the_whole_and_reads_reports_without():
    one = report("cortex-m4", False, coding=in_codes())
    row = json.loads(json.dumps(one.to_dict()))
    assert row["stairs"]["stairs"][-1]["bytes"] == WEIGHTS - 20864 and row["stairs"]["layers"][0]["layer"] == "conv2d"
    del row["stairs"], row["uncoded"]
    assert stairs(from_json(row)) == stairs(one)


def test_the_picture_has_bars_as_long_as_their_bytes():
    one = report("cortex-m4", False, coding=in_codes())
    chart = stairs_chart(stairs(one))
    unit = (chart.frame.x_end - chart.frame.left) / (4 * WEIGHTS)
    for stair, bar in zip(stairs(one).stairs, chart.steps, strict=True):
        assert bar.end - chart.frame.left == pytest.approx(unit * stair.bytes, abs=0.06)
        assert stair.bound is None or bar.bound_end <= bar.end
    page = report_html(one)
    part = page[page.index('<svg class="stairs"') :]
    part = part[: part.index("</svg>")]
    assert len(re.findall('<rect class="stored', part)) == 6 and len(re.findall('<rect class="bound', part)) == 5
    assert "coded in flash: 56,496 bytes" in part.partition("<desc")[2].partition("</desc>")[0]


def test_the_terminal_has_a_line():
    text = printed(report("cortex-m4", False, coding=in_codes()))
    assert f"weights: {4 * WEIGHTS:,} B float32 -> {WEIGHTS:,} B int8 -> 56,496 B coded (5.5x); entropy bound" in text
    assert "2 of 11 arrays are in codes (ans, palette)" in text
    text = printed(report())
    assert f"weights: {4 * WEIGHTS:,} B float32 -> {WEIGHTS:,} B int8 (4.0x); entropy bound 29,977 B; not coded:" in text


def test_names_are_no_markup():
    evil = replace(coding()[0], layer="<b>x</b>\x1b[31m", why="<i>")
    page = report_html(report("cortex-m4", False, coding=(evil,)))
    assert (
        "<b>x</b>" not in page
        and "&lt;b&gt;x" in page
        and "<i>" not in page.split("staircase of bytes</h2>")[1].split("</section>")[0]
    )


def printed(one):
    stream = io.StringIO()
    print_report(one, Console(file=stream, width=400))
    return stream.getvalue()
