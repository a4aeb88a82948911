"""`edgepack fit`, as a user runs it: verdicts, refusals, advice, exit codes, JSON."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.coding.networks import convolution
from tests.compile.builder import ModelBuilder

pytest.importorskip("ziglang", reason="ziglang is not installed")
pytest.importorskip("unicorn", reason="unicorn is not installed")

JUDGED = ("flash", "ram", "latency_p50")


def _json(edgepack: Run, *words: object, status: int = 0) -> Any:
    done = edgepack("fit", *words, "--json", "--quiet")
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def _verdicts(found: Any) -> dict[str, tuple[str, float | None]]:
    return {
        verdict["budget"]: (verdict["status"], verdict["measurement"] and verdict["measurement"]["value"])
        for verdict in found["verdicts"]
        if verdict["budget"] in JUDGED
    }


@pytest.fixture(scope="module")
def float_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fully connected layer in float32."""
    builder = ModelBuilder()
    inputs = builder.tensor((1, 8), "float32", name="input")
    weights = builder.tensor((4, 8), "float32", data=np.ones((4, 8), np.float32), name="dense/kernel")
    output = builder.tensor((1, 4), "float32", name="dense/MatMul")
    builder.operator("FULLY_CONNECTED", [inputs, weights], [output], "FullyConnectedOptions")
    file = tmp_path_factory.mktemp("float") / "float.tflite"
    file.write_bytes(builder.finish([inputs], [output]))
    return file


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution whose weights a code makes smaller."""
    file = tmp_path_factory.mktemp("clustered") / "clustered.tflite"
    file.write_bytes(convolution("clustered"))
    return file


@pytest.mark.slow()
def test_the_verdicts_are_those_of_a_deployment(edgepack: Run, small_model: Path) -> None:
    limits = ("--set", "budget.ram=700 B", "--set", "budget.latency_p50=4 us")
    found = _json(edgepack, small_model, "-t", "cortex-m4,cortex-m0plus", *limits, status=1)
    assert [row["target"] for row in found["rows"]] == ["cortex-m4", "cortex-m0plus"]
    seen = set()
    for row in found["rows"]:
        out = f"out-{row['target']}"
        done = edgepack("deploy", small_model, "--target", row["target"], "--out", out, "--json", "--quiet", *limits)
        assert _verdicts(row) == _verdicts(json.loads(done.stdout))
        seen |= {status for status, _ in _verdicts(row).values()}
    assert seen == {"PASS", "FAIL"}


def test_a_model_that_fits_ends_with_0_and_needs_no_tensorflow(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization"):
        (trap / f"{name}.py").write_text("raise ImportError('TensorFlow must not be imported here')\n")
    path = os.pathsep.join([str(trap), str(Path(__file__).parents[2])])
    done = edgepack("fit", small_model, "-t", "cortex-m4,host", env={"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr
    assert re.search(r"^cortex-m4 +PASS", done.stdout, re.MULTILINE)
    assert re.search(r"^host +NOT MEASURED", done.stdout, re.MULTILINE), "no latency, no pass"
    assert "the smallest microcontroller that passes of those tried is cortex-m4: " in done.stdout


def test_a_refused_model_is_a_row_with_the_error_of_an_export(edgepack: Run, float_model: Path) -> None:
    export = edgepack("export", float_model, "--as", "c", "--out", "c").stderr
    code = re.search(r"error (EP-\d+): (.*)", export)
    assert code is not None
    found = _json(edgepack, float_model, "-t", "cortex-m4,android,host", status=1)
    core, android, host = found["rows"]
    for row in (core, android):
        assert (row["refused"]["code"], row["refused"]["message"]) == code.groups()
        assert row["refused"]["hint"] and row["status"] == "FAIL" and row["verdicts"] == []
    assert host["refused"] is None and host["status"] == "NOT MEASURED"
    assert all(row["refused"] is not None for row in found["others"]) and found["smallest"] is None
    shown = edgepack("fit", float_model, "-t", "cortex-m4,host", "--quiet").stdout
    assert re.search(rf"^cortex-m4 +{code.group(1)}", shown, re.MULTILINE)
    assert f"  try: {core['refused']['hint']}" in shown


def test_every_row_has_one_schema(edgepack: Run, small_model: Path, float_model: Path) -> None:
    fine = _json(edgepack, small_model, "-t", "cortex-m4,host")
    refused = _json(edgepack, float_model, "-t", "cortex-m4", status=1)
    assert set(fine) == set(refused) == {
        *("schema_version", "model", "sha256", "size_bytes", "rows", "others", "smallest", "exit_code")
    }  # fmt: skip
    keys = [set(row) for row in (*fine["rows"], *refused["rows"], *refused["others"])]
    assert all(each == keys[0] for each in keys)
    assert fine["size_bytes"] == small_model.stat().st_size and fine["exit_code"] == 0 and refused["exit_code"] == 1


@pytest.mark.slow()
def test_settings_that_help_were_built_and_give_what_they_say(edgepack: Run, clustered: Path) -> None:
    uncoded = ("--set", "device.coding=off")
    bench = json.loads(edgepack("bench", clustered, "-t", "cortex-m4", "--json", "--quiet", *uncoded).stdout)["result"]
    smaller = ("--set", "device.coding=smallest")
    coded = json.loads(edgepack("bench", clustered, "-t", "cortex-m4", "--json", "--quiet", *smaller).stdout)["result"]
    assert coded["flash_bytes"] < bench["flash_bytes"] - 1
    limit = (coded["flash_bytes"] + bench["flash_bytes"]) // 2
    row = _json(edgepack, clustered, "-t", "cortex-m4", *uncoded, "--set", f"budget.flash={limit} B", status=1)["rows"][0]
    assert _verdicts(row)["flash"] == ("FAIL", bench["flash_bytes"])
    best = row["changes"][0]
    assert best["settings"] == ["device.coding=smallest"] and best["status"] == "PASS"
    assert _verdicts(best)["flash"] == ("PASS", coded["flash_bytes"])
    needed = {need["what"]: need for need in row["needs"]}["constants"]
    assert bench["flash_bytes"] - needed["now"] + needed["wanted"] == limit


@pytest.mark.slow()
def test_the_clock_that_it_names_meets_the_latency_and_less_does_not(edgepack: Run, clustered: Path) -> None:
    limit = ("-t", "cortex-m4", "--set", "budget.latency_p50=10 us")
    row = _json(edgepack, clustered, *limit, status=1)["rows"][0]
    needed = {need["what"]: need for need in row["needs"]}["clock"]
    for share, status in ((1.001, "PASS"), (0.999, "FAIL")):
        clock = f"device.clock={needed['wanted'] * share / 1e6:.6f} MHz"
        again = _json(edgepack, clustered, *limit, "--set", clock, status=0 if status == "PASS" else 1)["rows"][0]
        assert _verdicts(again)["latency_p50"][0] == status


def test_the_smallest_of_the_others_is_looked_for_where_none_named_passes(
    edgepack: Run, small_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "targets").mkdir()
    (tmp_path / "targets" / "tiny.toml").write_text(
        'name = "tiny"\n[device]\nkind = "mcu"\ncpu = "cortex-m0"\nclock = "1 MHz"\n[budget]\nram = "16 B"\n'
    )
    done = edgepack("fit", small_model, "-t", "tiny", "--quiet")
    assert done.returncode == 1
    assert "the smallest microcontroller that passes of those tried is cortex-m0: " in done.stdout
    assert "tiny misses RAM (" in done.stdout
    assert "without any of the arena" in done.stdout, "its stack alone takes more than 16 bytes"


@pytest.mark.slow()
def test_what_is_wrong_with_targets_and_settings_is_usage(edgepack: Run, small_model: Path) -> None:
    wrong = {
        ("-t", "cortex-m99"): "EP-107",
        ("-t", ","): "EP-185",
        ("-t", "host", "--set", "budget.flash=1 KiB"): "EP-108",
        ("-t", "host", "--set", "data.metric=f1"): "EP-165",
        ("-t", "host", "--set", "budget.flesh=1 KiB"): "EP-10",
    }
    for words, code in wrong.items():
        done = edgepack("fit", small_model, *words)
        assert done.returncode == 2 and f"error {code}" in done.stderr, done.stderr
    assert edgepack("fit", "README.md").returncode == 3
    assert edgepack("fit", "model.keras").returncode == 2


def test_a_setting_goes_to_the_targets_that_have_it(edgepack: Run, small_model: Path) -> None:
    core, host = _json(edgepack, small_model, "-t", "cortex-m4,host", "--set", "budget.flash=64 KiB")["rows"]
    assert {verdict["budget"]: verdict["limit"] for verdict in core["verdicts"]}["flash"] == 65536
    assert "flash" not in {verdict["budget"] for verdict in host["verdicts"]}


@pytest.mark.slow()
def test_a_project_stands_for_its_last_deployed_model_and_brings_its_targets(
    edgepack: Run, small_model: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    (project / "targets").mkdir(parents=True)
    (project / "small.tflite").write_bytes(small_model.read_bytes())
    (project / "edgepack.toml").write_text('name = "own"\n[model]\nsource = "small.tflite"\n')
    (project / "targets" / "mine.toml").write_text('[device]\nkind = "local"\n[budget]\nmodel_size = "1 MiB"\n')
    early = edgepack("fit", project, "-t", "mine")
    assert early.returncode == 2 and "error EP-167" in early.stderr and "try: edgepack deploy" in early.stderr
    done = edgepack("deploy", project, "--target", "mine", "--quiet")
    assert done.returncode == 0, done.stderr
    found = _json(edgepack, project, "-t", "mine")
    assert [(row["target"], row["status"]) for row in found["rows"]] == [("mine", "PASS")]
    assert found["size_bytes"] == small_model.stat().st_size
