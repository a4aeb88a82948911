"""Deploying to an emulated core, and judging for TensorFlow Lite Micro, as a user would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.coding.networks import convolution

pytest.importorskip("ziglang", reason="ziglang is not installed")
pytest.importorskip("unicorn", reason="unicorn is not installed")


@pytest.mark.slow()
def test_a_model_is_compiled_checked_and_counted_on_an_emulated_cortex_m4(
    edgepack: Run, small_model: Path, tmp_path: Path
) -> None:
    done = edgepack(
        *("deploy", small_model, "--target", "cortex-m4", "--out", "out", "--json"), *("--set", "budget.accuracy_drop=none")
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {item["quantity"]: item for item in report["measurements"]}
    assert found["golden_inputs_differing"]["value"] == 0
    assert found["golden_inputs"]["value"] >= 2
    assert found["instructions"]["value"] > 36  # more than one an operation
    assert found["latency_p50"]["method"] == "estimate"
    statuses = {verdict["budget"]: verdict["status"] for verdict in report["verdicts"]}
    assert statuses == {"flash": "PASS", "ram": "PASS", "latency_p50": "PASS"}
    pack = tmp_path / "out" / "pack"
    assert "small_run(" in (pack / "c" / "small.h").read_text()
    manifest = json.loads((pack / "manifest.json").read_text())
    assert "c/small.h" in manifest["files"]


@pytest.mark.slow()
def test_an_input_that_may_be_overwritten_is_given_back_to_the_layers(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    done = edgepack("export", small_model, "--as", "c", "--overlay-input", "--name", "tiny", "--out", "c")
    assert done.returncode == 0, done.stderr
    assert "TINY_INPUT_OFFSET" in (tmp_path / "c" / "tiny.h").read_text()
    words = ("bench", small_model, "--target", "cortex-m4", "--json", "--set", "device.input=may be overwritten")
    done = edgepack(*words)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow()
def test_bench_gives_the_figures_of_a_core_as_json(edgepack: Run, small_model: Path) -> None:
    done = edgepack("bench", small_model, "--target", "cortex-m0plus", "--json")
    whole = json.loads(done.stdout)
    figures = whole["result"]
    assert figures["cpu"] == "cortex-m0plus"
    assert figures["parity"]["compared"] >= 2
    assert figures["parity"]["differing"] == 0
    for name in ("instructions", "cycles_estimated", "flash_bytes", "ram_bytes", "arena_bytes", "method"):
        assert figures[name]
    on_host = json.loads(edgepack("bench", small_model, "--target", "host", "--runs", "3", "--json", "--quiet").stdout)
    assert list(whole) == list(on_host), "one schema on every target"
    assert {*whole["measurements"][0]} == {*on_host["measurements"][0]} and on_host["result"] is None
    assert sum(figures["per_layer"].values()) == pytest.approx(figures["instructions"], rel=0.02)


def test_a_profile_can_judge_for_tensorflow_lite_micro(edgepack: Run, small_model: Path) -> None:
    done = edgepack(
        *("deploy", small_model, "--target", "cortex-m4", "--out", "out", "--json", "--quiet"),
        *("--set", "device.runtime=tflm", "--set", "budget.accuracy_drop=none", "--set", "budget.flash=none"),
    )
    assert done.returncode == 0, done.stderr
    found = {item["quantity"]: item for item in json.loads(done.stdout)["measurements"]}
    assert found["golden_inputs_differing"]["value"] == 0
    assert found["ram"]["method"] == "estimate"
    tight = edgepack(
        *("deploy", small_model, "--target", "cortex-m4", "--out", "out", "--quiet"),
        *("--set", "device.runtime=tflm", "--set", "budget.ram=100 B"),
    )
    assert tight.returncode == 1


@pytest.mark.slow()
@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed")
def test_flashing_without_a_probe_ends_at_once(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyocd", reason="the mcu extra is not installed")
    done = edgepack("export", small_model, "--as", "firmware", "--board", "nrf52840-dk", "--out", "firmware")
    assert done.returncode == 0, done.stderr
    (makefile,) = (tmp_path / "firmware").rglob("Makefile")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "flash"], cwd=makefile.parent, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0 and "no connected debug probes" in (done.stdout + done.stderr).lower()


@pytest.mark.slow()
def test_a_pruned_model_is_deployed_in_codes_and_every_report_says_so(edgepack: Run, tmp_path: Path) -> None:
    model = tmp_path / "conv.tflite"
    model.write_bytes(convolution("pruned"))
    words = (
        "deploy",
        model,
        "--target",
        "cortex-m4",
        "--quiet",
        "--set",
        "budget.accuracy_drop=none",
        "--set",
        "device.optimize=size",
    )
    done = edgepack(*words, "--out", "out")
    assert "arrays are in codes (bitmap)" in done.stdout, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    found = {item["quantity"]: item["value"] for item in report["measurements"]}
    assert found["golden_inputs_differing"] == 0
    plain = edgepack(*words, "--out", "plain", "--json", "--set", "device.coding=off")
    others = json.loads(plain.stdout)
    assert report["stairs"]["ends"] == "" and report["stairs"]["stairs"][-1]["kind"] == "coded"
    assert others["stairs"]["ends"] == "coding is off" and others["stairs"]["stairs"][-1]["kind"] == "file"
    assert others["coding"] == [] and not any("ep_unpack" in str(file) for file in (tmp_path / "plain" / "pack" / "c").iterdir())
    saved = sum(row["int8_bytes"] - row["stored_bytes"] for row in report["coding"])
    flash = {item["quantity"]: item["value"] for item in others["measurements"]}["flash"]
    assert 0 < flash - found["flash"] < saved, "the decoders take a part of what is saved"
    pack = tmp_path / "out" / "pack"
    assert {row["code"] for row in json.loads((pack / "manifest.json").read_text())["coding"]} == {"bitmap", ""}
    assert "## Weights in codes" in (pack / "MODEL_CARD.md").read_text()
    assert "## Weights in codes" not in (tmp_path / "plain" / "pack" / "MODEL_CARD.md").read_text()
    assert "They are decoded in every run" in (tmp_path / "out" / "report.html").read_text()
    bench = json.loads(
        edgepack("bench", model, "--target", "cortex-m4", "--json", *words[5:], "--set", "device.coding=off").stdout
    )
    assert bench["result"]["flash_bytes"] == flash
