"""`--coding` with and without a word, wherever it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgepack.cli.coding import with_word
from tests.cli.conftest import Run
from tests.coding.networks import convolution


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("m.tflite --as tflm --coding", "m.tflite --as tflm --coding auto"),
        ("--coding m.tflite --as tflm", "--coding auto m.tflite --as tflm"),
        ("--coding ./models --as c", "--coding auto ./models --as c"),
        ("--coding project --as c", "--coding auto project --as c"),
        ("m.tflite --coding --as c", "m.tflite --coding auto --as c"),
        ("m.tflite --coding palette --as c", "m.tflite --coding palette --as c"),
        ("m.tflite --coding palete --as c", "m.tflite --coding palete --as c"),
        ("m.tflite --coding=off", "m.tflite --coding=off"),
        ("--as c --coding -- m.tflite", "--as c --coding auto -- m.tflite"),
        ("--as c -- --coding", "--as c -- --coding"),
    ],
)
def test_a_word_left_out_is_auto(given: str, read: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path)
    assert with_word(given.split()) == read.split()


def test_on_the_command_line(edgepack: Run, tmp_path: Path) -> None:
    model = tmp_path / "conv.tflite"
    model.write_bytes(convolution("pruned"))
    bare = edgepack("export", "--as", "c", "--out", "c", "--optimize", "size", "--coding", model)
    assert bare.returncode == 0, bare.stderr
    assert (tmp_path / "c" / "ep_decoder.h").exists()
    wrong = edgepack("export", model, "--as", "c", "--coding", "zip")
    assert wrong.returncode != 0 and "error EP-710: unknown code 'zip'" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_inspect_shows_each_layers_choice(edgepack: Run, tmp_path: Path) -> None:
    model = Path(__file__).parents[1] / "flatbuffer" / "coded" / "pruned.tflite"
    shown = edgepack("inspect", "--coding", model, "--cpu", "cortex-m4")
    assert shown.returncode == 0, shown.stderr
    line = next(line for line in shown.stdout.splitlines() if line.startswith("up "))
    assert line.split()[:4] == ["up", "TRANSPOSE_CONV", "weights", "1,024"] and "–" in line and line.endswith("saves 67 %")
    numbers = next(line for line in shown.stdout.splitlines() if line.startswith("point ") and "biases" in line)
    assert numbers.endswith("the decoders' code would take more than is saved")
    assert "C for cortex-m4, balanced, coding auto. Weights: float32 " in shown.stdout
    table = json.loads(edgepack("inspect", model, "--coding", "palette", "--json").stdout)
    assert (table["cpu"], table["coding"]) == ("generic", "palette") and table["rows"][0]["codes"]["ternary"] is None
    assert "rows" not in json.loads(edgepack("inspect", model, "--json").stdout)
    for words, code in ((("--coding", "zip"), "EP-710"), (("--coding", "--cpu", "z80"), "EP-702")):
        wrong = edgepack("inspect", model, *words)
        assert wrong.returncode != 0 and f"error {code}" in wrong.stderr


@pytest.mark.parametrize(
    ("coding", "last", "ends"),
    [
        ("smallest", "coded in the program", ""),
        ("off", "int8 .tflite", "coding is off, [device] coding switches it on"),
        ("bitmap", "int8 .tflite", "bitmap does not make it smaller"),
    ],
)
def test_engine_c_on_linux_runs_weights_in_codes_and_the_report_says_so(
    edgepack: Run, tmp_path: Path, coding: str, last: str, ends: str
) -> None:
    pytest.importorskip("ziglang", reason="ziglang is not installed")
    model = tmp_path / "net.tflite"
    model.write_bytes(convolution("clustered"))
    settings = ("device.engine=c", f"device.coding={coding}", "budget.accuracy_drop=none", "device.runs=5")
    words = [word for setting in settings for word in ("--set", setting)]
    done = edgepack("deploy", model, "--target", "host", "--out", "out", "--quiet", *words)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["deployment"]["golden"]["inputs_differing"] == 0, done.stderr
    assert report["stairs"]["stairs"][-1]["name"] == last and report["stairs"]["ends"] == ends
    assert bool(report["coding"]) == (coding == "smallest")
