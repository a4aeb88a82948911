from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.errors import ProjectError
from edgepack.measure.layers import LayerTime, LayerTimes
from edgepack.report import Report, pack_warning, plain, read_report, write_reports
from edgepack.report.html import report_html
from edgepack.report.report import from_json

from .fake import report


@pytest.mark.parametrize("target", ["host", "rpi", "cortex-m4"])
@pytest.mark.parametrize("real_hardware", [True, False])
def test_a_report_is_read_back_as_it_was(tmp_path, target, real_hardware):
    one = report(target, real_hardware)
    files = write_reports(one, tmp_path)
    assert read_report(files.json) == one
    assert {file.name for file in tmp_path.iterdir()} == {"report.html", "report.json", "junit.xml"}


def test_the_json_is_strict_and_the_same_every_time(tmp_path):
    first = write_reports(report(), tmp_path / "a").json.read_bytes()
    assert first == write_reports(report(), tmp_path / "b").json.read_bytes()
    json.loads(first, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_writing_a_report_again_gives_the_same_files(tmp_path):
    files = write_reports(report(), tmp_path / "a")
    again = write_reports(read_report(files.json), tmp_path / "b")
    for name in ("html", "json", "junit"):
        assert getattr(files, name).read_bytes() == getattr(again, name).read_bytes()


def test_numbers_that_json_lacks_become_null_and_numpys_become_plain():
    values = {"a": math.nan, "b": np.float32(0.5), "c": np.arange(2), "d": (math.inf, 1), 3: {"x"}}
    assert plain(values) == {"a": None, "b": 0.5, "c": [0, 1], "d": [None, 1], "3": ["x"]}


def test_a_file_name_that_is_no_utf8_does_no_harm(tmp_path):
    one = report(model={"file": "caf\udce9.h5"}, warnings=["caf\udce9"])
    assert read_report(write_reports(one, tmp_path).json).model["file"] == "caf?.h5"


def test_recipes_may_be_tables_checked_steps_or_rows():
    class Options:
        def model_dump(self):
            return {"sparsity": 0.5, "layers": ("a", "b")}

    class Step:
        name = "prune"
        options = Options()

    one = report(recipe=[Step(), {"step": "quantize"}])
    assert one.recipe == ({"step": "prune", "sparsity": 0.5, "layers": ["a", "b"]}, {"step": "quantize"})


def test_a_real_inspection_becomes_layers(shared_models):
    inspection = inspect_model(read_model(shared_models / "pretrainedResnet_quant.tflite"))
    one = report(inspection=inspection, instructions={0: 840_000.0})
    assert len(one.layers) == inspection.totals.operators == 16
    assert sum(layer["macs"] for layer in one.layers) == 12_501_632
    assert (one.layers[0]["instructions"], one.layers[1]["instructions"]) == (840_000.0, None)
    assert one.totals["peak"]["activation_bytes"] == inspection.peak.activation_bytes


def test_times_of_layers_stand_beside_their_operators(shared_models):
    inspection = inspect_model(read_model(shared_models / "pretrainedResnet_quant.tflite"))
    rows = [LayerTime(f"layer {i}", "CONV_2D", at, 2e-6, 0.25) for i, at in enumerate((0, 1, 1, None))]
    times = LayerTimes(tuple(rows), "hardware", "by a clock", 8e-6, 0.98, 9e-6, 7e-6)
    one = report(inspection=inspection, layer_times=times)
    assert [layer["seconds"] for layer in one.layers[:3]] == [2e-6, 4e-6, None], "of two parts of an operator, their sum"
    assert from_json(one.as_json()) == one and one.layer_times["how"] == "by a clock"
    page = report_html(one)
    assert "<th>Time</th>" in page and "4 µs" in page and "Times of layers: by a clock; on the device." in page
    assert "They add up to 8 µs and took 98 % of the inferences&#39; time; a whole one took 9 µs" in page
    assert "<th>Time</th>" not in report_html(report(inspection=inspection))


def test_the_first_measurement_with_a_value_is_the_one_meant():
    one = report()
    empty = replace(one.measurements[0], value=None)
    assert replace(one, measurements=(empty, *one.measurements)).measurement("accuracy") == one.measurements[0]
    assert one.measurement("nothing") is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "3", '{"schema": 1}', '{"schema": 2}', '{"schema": 1, "verdicts": 3, "measurements": []}', "\x00"],
)
def test_what_is_no_report_is_refused(tmp_path, content):
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(ProjectError) as caught:
        read_report(file)
    assert (caught.value.code, caught.value.exit_code) == ("EP-111", 2)


def test_a_report_of_another_schema_version_says_so(tmp_path):
    file = write_reports(report(), tmp_path).json
    values = json.loads(file.read_text())
    file.write_text(json.dumps({**values, "schema": 99}))
    with pytest.raises(ProjectError, match="schema 99 instead of 1"):
        read_report(file)


def test_a_field_of_a_later_version_does_no_harm(tmp_path):
    file = write_reports(report(), tmp_path).json
    file.write_text(json.dumps({**json.loads(file.read_text()), "new": 3}))
    assert read_report(file) == report()


def test_a_missing_report_says_what_to_do(tmp_path):
    with pytest.raises(ProjectError) as caught:
        read_report(tmp_path / "report.json")
    assert caught.value.code == "EP-111" and "deploy" in caught.value.hint


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ProjectError) as caught:
        write_reports(report(), tmp_path / "file")
    assert caught.value.code == "EP-112"


def test_a_report_of_little_is_a_report(tmp_path):
    full = report()
    bare = Report(
        name="x", target={"name": "host"}, verdicts=(), measurements=(), exit_code=0, real_hardware=True, created=full.created
    )
    assert read_report(write_reports(bare, tmp_path).json) == bare


def test_the_ways_that_were_tried_are_shown() -> None:
    from edgepack.report import format as fmt

    values = plain(report()).copy()["deployment"]
    values["runner"]["candidates"] = [
        {"engine": "litert", "engine_version": "2.3.0", "threads": 2, "median": 0.0012, "reason": ""},
        {"engine": "tflite", "engine_version": "2.14.0", "threads": 1, "median": None, "reason": "it crashed"},
    ]
    assert dict(fmt.deployment_facts(values))["ways tried"] == (
        "litert 2.3.0, 2 threads: 1.2 ms; tflite 2.14.0, 1 thread: it crashed"
    )


def test_a_report_beside_a_later_pack_is_told(tmp_path):
    one = report(pack="111111111111")
    assert pack_warning(one, tmp_path) == ""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "manifest.json").write_text('{"id": "111111111111"}')
    assert pack_warning(one, tmp_path) == ""
    (tmp_path / "pack" / "manifest.json").write_text('{"id": "222222222222"}')
    said = pack_warning(one, tmp_path)
    assert "111111111111" in said and "222222222222" in said
    assert pack_warning(replace(one, pack=""), tmp_path) == "", "a report older than the field"
