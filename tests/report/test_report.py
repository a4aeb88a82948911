from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.errors import ProjectError
from edgepack.ground.files import canonical_json
from edgepack.ground.plain import typed
from edgepack.measure.layers import LayerTime, LayerTimes
from edgepack.pack import PackInfo
from edgepack.pack.manifest import describe
from edgepack.report import McuFacts, ModelFacts, Report, pack_warning, read_report, write_reports
from edgepack.report.facts import deployment_facts
from edgepack.report.html.page import report_html
from edgepack.report.parts import part_to_json
from edgepack.report.report import from_json

from .fake import explained, inspection, layer_times, report, samples


@pytest.mark.parametrize("target", ["host", "rpi", "cortex-m4"])
@pytest.mark.parametrize("real_hardware", [True, False])
def test_a_report_is_read_back_as_it_was(tmp_path, target, real_hardware):
    one = report(target, real_hardware)
    files = write_reports(one, tmp_path)
    assert read_report(files.json) == one
    assert {file.name for file in tmp_path.iterdir()} == {"report.html", "report.json", "junit.xml"}


# Written when a report's parts still were dictionaries; `report` has the same figures.
STORED = sorted(Path(__file__).parent.glob("stored_*.json"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_a_stored_report_is_written_again_byte_for_byte(tmp_path, file):
    assert write_reports(read_report(file), tmp_path).json.read_bytes() == file.read_bytes()


def test_the_format_of_a_report_is_that_of_the_stored_ones():
    timed = [float(f"{sample:.6g}") for sample in samples(12)]
    rpi = report(explanation=explained(), layer_times=layer_times(), pack="3b0f7c1e0000", notes=("kept",), latency_samples=timed)
    for file, one in zip(STORED, (report("cortex-m4", False), rpi), strict=True):
        stored = json.loads(file.read_text())
        same_target = replace(one, target=read_report(file).target)
        assert json.dumps(same_target.to_dict()) == json.dumps(stored), "the same values in the same order"


def test_an_older_report_is_read_without_what_it_lacks(tmp_path):
    values = json.loads(STORED[1].read_text())
    for key in ("pack", "explanation", "layer_times", "notes"):
        del values[key]
    for part, key in (("model", "metric"), ("totals", "peak"), ("deployment", "before")):
        del values[part][key]
    del values["steps"][0]["interval"], values["layers"][0]["seconds"], values["target"]["device"]["voltage_v"]
    values["model"]["of a later version"] = values["device"]["of a later version"] = {"a": 1}
    file = tmp_path / "report.json"
    file.write_text(json.dumps(values))
    one = read_report(file)
    assert (one.pack, one.explanation, one.layer_times, one.notes) == ("", None, None, ())
    assert (one.model.metric, one.totals.peak.activation_bytes, one.steps[0].interval, one.layers[0].seconds) == (
        None,
        0,
        None,
        None,
    )
    assert "peak activations" not in report_html(one)
    assert write_reports(one, tmp_path / "again").json.is_file()


def test_the_json_is_strict_and_the_same_every_time(tmp_path):
    first = write_reports(report(), tmp_path / "a").json.read_bytes()
    assert first == write_reports(report(), tmp_path / "b").json.read_bytes()
    json.loads(first, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_writing_a_report_again_gives_the_same_files(tmp_path):
    files = write_reports(report(), tmp_path / "a")
    again = write_reports(read_report(files.json), tmp_path / "b")
    for name in ("html", "json", "junit"):
        assert getattr(files, name).read_bytes() == getattr(again, name).read_bytes()


def test_a_file_name_that_is_no_utf8_does_no_harm(tmp_path):
    one = report(model=ModelFacts(file="caf\udce9.h5"), warnings=("caf\udce9",))
    assert read_report(write_reports(one, tmp_path).json).model.file == "caf?.h5"


def test_a_real_inspection_becomes_layers(shared_models):
    inspection = inspect_model(read_model(shared_models / "pretrainedResnet_quant.tflite"))
    one = report(inspection=inspection, instructions={0: 840_000.0})
    assert len(one.layers) == inspection.totals.operators == 16
    assert sum(layer.macs for layer in one.layers) == 12_501_632
    assert (one.layers[0].instructions, one.layers[1].instructions) == (840_000.0, None)
    assert one.totals.peak.activation_bytes == inspection.peak.activation_bytes


def test_times_of_layers_stand_beside_their_operators(shared_models):
    inspection = inspect_model(read_model(shared_models / "pretrainedResnet_quant.tflite"))
    rows = [LayerTime(f"layer {i}", "CONV_2D", at, 2e-6, 0.25) for i, at in enumerate((0, 1, 1, None))]
    times = LayerTimes(tuple(rows), "hardware", "by a clock", 8e-6, 0.98, 9e-6, 7e-6)
    one = report(inspection=inspection, layer_times=times)
    assert [layer.seconds for layer in one.layers[:3]] == [2e-6, 4e-6, None], "of two parts of an operator, their sum"
    assert from_json(one.to_dict()) == one and one.layer_times.how == "by a clock"
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
        name="x", target=full.target, verdicts=(), measurements=(), exit_code=0, real_hardware=True, created=full.created
    )
    assert read_report(write_reports(bare, tmp_path).json) == bare


def test_the_ways_that_were_tried_are_shown():
    assert dict(deployment_facts(report().deployment))["ways tried"] == (
        "litert 2.3.0, 1 thread: 3.3 ms; tflite 2.14.0, 1 thread: it crashed"
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


def test_a_report_passed_when_the_command_would_end_with_0():
    assert report().passed and not report(overrides=["budget.latency_p50=1 ms"]).passed
    assert report("cortex-m4", False).passed, "what only hardware can answer does not count"


def test_the_accuracy_is_the_measured_one_else_that_of_the_file_on_this_machine():
    one = report()
    assert one.accuracy == 0.8648
    unmeasured = replace(one, measurements=())
    assert unmeasured.accuracy == one.model.metric == 0.865
    assert replace(unmeasured, model=None).accuracy is None


def test_the_model_beside_a_report_is_known_and_not_written(tmp_path):
    one = report(pack="111111111111")
    file = write_reports(replace(one, model_path=tmp_path / "elsewhere.tflite"), tmp_path).json
    assert "elsewhere" not in file.read_text() and read_report(file).model_path is None
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "manifest.json").write_text('{"id": "111111111111"}')
    (tmp_path / "pack" / "model.tflite").write_bytes(b"")
    assert read_report(file).model_path == tmp_path / "pack" / "model.tflite"
    assert read_report(file) == one
    (tmp_path / "pack" / "manifest.json").write_text('{"id": "222222222222"}')
    assert read_report(file).model_path is None, "of a later run, which was stopped"


def test_only_a_stand_in_says_in_json_that_it_is_one():
    emulated = report("cortex-m4", False)
    assert isinstance(emulated.device, McuFacts) and emulated.to_dict()["device"]["stand_in"] is True
    attached = report("cortex-m4", True)
    assert "stand_in" not in attached.to_dict()["device"] and from_json(attached.to_dict()) == attached


def test_layers_without_an_output_have_no_shape():
    looked = inspection()
    one = report(inspection=replace(looked, layers=(replace(looked.layers[0], outputs=()),)))
    assert one.layers[0].shape == () and one.to_dict()["layers"][0]["shape"] == []


def test_everything_a_manifest_says_of_the_model_is_in_the_report(shared_models):
    inspection = inspect_model(read_model(shared_models / "pretrainedResnet_quant.tflite"))
    manifest = json.loads(canonical_json(describe("x", PackInfo(scheme="int8"), inspection.as_json())))
    written = part_to_json(typed(ModelFacts, manifest["model"]))
    assert {key: written[key] for key in manifest["model"]} == manifest["model"]


def test_the_report_says_what_travelled_of_the_model():
    sent = replace(report().deployment, model_sent=40103)
    assert dict(deployment_facts(sent, 98496))["model.tflite"] == "on disk 98,496 B, sent 40,103 B"
    assert dict(deployment_facts(replace(sent, model_sent=0), 98496))["model.tflite"] == "on disk 98,496 B, was there already"
    assert "model.tflite" not in dict(deployment_facts(report().deployment, 98496))
    assert "on disk 98,496 B, sent 40,103 B" in report_html(report(deployment=sent))
