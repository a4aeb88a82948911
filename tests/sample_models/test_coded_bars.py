"""What benchmarks/coding measures of trained models, checked on a layer, and every bar of it is a recipe that can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.bars import ROOT, read_bars
from benchmarks.coding import decoders, table
from benchmarks.coding.bound import constriction_bytes
from benchmarks.coding.demands import missed
from benchmarks.coding.made import without_blocks
from benchmarks.coding.measure import DEMANDS, row_of
from benchmarks.coding.program import NAME, on_host
from benchmarks.coding.subject import Subject
from edgepack.coding import check_coding
from edgepack.compile import compile_model
from edgepack.compress import check_recipe
from edgepack.flatbuffer import read_model
from edgepack.project import load_project
from tests.compile.reference import run_reference

FOLDER = ROOT / "benchmarks" / "coding"
BARS = read_bars(FOLDER)
ABOUT = {"model", "class", "project", "recipe", "weights", "data", "set", "coding", "beside", "optimize"}
BAR = {"model": "a layer", "class": "ternary"}


@pytest.mark.parametrize("name", BARS)
def test_a_bar_is_valid(name: str) -> None:
    bar = BARS[name]
    assert set(bar) <= {*ABOUT, *DEMANDS, "made_of", "zero_blocks", "unstructured"}
    assert all(check_coding(word) for word in (bar.get("coding", "auto"), *bar.get("beside", [])))
    assert ("recipe" in bar) + ("made_of" in bar) + ("unstructured" in bar) == 1
    if "recipe" not in bar:
        assert not {"accuracy", "drop", "original"} & set(bar)
    else:
        assert set(bar) & set(DEMANDS)
        project = load_project(ROOT / "sample_models" / bar["project"], (f"recipe={bar['recipe']}", *bar.get("set", [])))
        assert check_recipe(project.recipe)


@pytest.fixture(scope="module")
def subject() -> Subject:
    """One layer of 64 x 128 ternary weights."""
    contents = decoders.layer(decoders.weights("ternary"))
    inputs = np.random.default_rng(0).integers(-128, 128, (20, decoders.SHAPE[1])).astype(np.int8)
    outputs = run_reference(contents, [(row[None],) for row in inputs], "tflite-ref")
    expected = np.concatenate([one[0] for one in outputs])
    model = read_model(contents)
    return Subject("", model, (inputs,), (expected,), None, None, None, None, 8256, 8256)


@pytest.fixture(scope="module")
def row(subject: Subject) -> dict[str, Any]:
    return row_of("layer", BAR | {"coding": "ternary", "times": 12}, subject)


def test_flash_holds_the_code_in_place_of_the_weights(row: dict[str, Any]) -> None:
    coded, off = row["runs"]["ternary"], row["runs"]["off"]
    assert off["constants"] > 8192 + 4 * 64
    # Five weights a byte and the three values; the structs that decoding needs take some bytes more.
    saved = 8192 - (3 + -(-8192 // 5))
    assert saved - 200 <= off["constants"] - coded["constants"] <= saved
    assert 0 < coded["decoder_bytes"] <= coded["code"] and off["decoder_bytes"] == 0


def test_instructions_of_decoding_are_counted_apart(row: dict[str, Any]) -> None:
    coded, off = row["runs"]["ternary"], row["runs"]["off"]
    assert off["decoding"] == 0
    assert 0.9 < coded["decoding"] / (coded["instructions"] - off["instructions"]) <= 1.1
    assert 0.9 < row["expected"] / coded["decoding"] < 1.1
    [layer] = row["layers"]
    assert layer["codes"] == ["ternary"] and layer["counted"] == pytest.approx(
        coded["instructions"] - off["instructions"], rel=0.05
    )


def test_bits_are_compared_on_both_machines(row: dict[str, Any], subject: Subject) -> None:
    assert row["differing"] == 0 and row["runs"]["ternary"]["differing"] == 0 and row["examples"] == 20
    wrong = subject.expected[0].copy()
    wrong[0, 0] ^= 1
    wrong[12, 5] ^= 1
    assert on_host(compile_model(subject.model, NAME, coding="ternary"), subject.inputs, (wrong,))[1] == 2
    on_the_core = {"ternary": row["runs"]["ternary"] | {"differing": 1}, "off": row["runs"]["off"]}
    assert missed(row | {"differing": 1}) == missed(row | {"runs": on_the_core}) == ["bits"]


def test_a_bar_says_what_was_missed_and_what_was_reached(row: dict[str, Any]) -> None:
    assert missed(row) == []
    coded, off = row["runs"]["ternary"], row["runs"]["off"]
    runs = {"ternary": coded | {"decoder_bytes": 2049}, "off": off, "auto": coded | {"constants": 2064}}
    hard = row | {"float": 0.9, "metric": 0.88, "original": off, "runs": runs}
    asked = {"accuracy": 0.881, "drop": 0.019, "times": 21, "dense": 1.0, "original": 1.0, "smaller": 5, "faster": 1.1}
    assert missed(hard | {"bar": asked, "grown": 3329}) == [*asked, "decoders", "memory"]
    assert missed(hard | {"bar": {}, "grown": 3328}) == ["decoders"]
    text = table.render([hard | {"bar": asked, "missed": ["times"]}])
    assert f"**{coded['constants']:,}**; off {off['constants']:,}" in text and "no: times" in text and "**88.00 %**" in text
    assert "with coding `auto`: 2,064 B of constants, 16.0 times smaller" in text


def test_a_tensor_is_near_its_entropy_only_with_its_header(row: dict[str, Any]) -> None:
    [tensor] = row["tensors"]
    assert tensor["stored"] == 3 + -(-8192 // 5) and tensor["entropy"] == pytest.approx(8192 * np.log2(3) / 8, rel=0.01)
    far = row | {"tensors": [tensor | {"fewest": round(1.06 * tensor["entropy"])}]}
    assert missed(far) == ["bound"]


def test_constriction_takes_what_the_entropy_says() -> None:
    pytest.importorskip("constriction")
    values = np.random.default_rng(0).choice(np.array([-9, 0, 0, 0, 7], np.int8), 20_000)
    entropy = 20_000 * -(0.6 * np.log2(0.6) + 0.4 * np.log2(0.2)) / 8
    found = constriction_bytes(values)
    assert found is not None and all(size == pytest.approx(entropy, rel=0.01) for size in found.values())


def test_blocks_are_made_zero_where_they_are_weakest() -> None:
    given = decoders.layer(decoders.weights("8 values"))
    before, after = (_weights(data) for data in (given, without_blocks(given, 0.75)))
    kept = after.any(axis=1)
    assert kept.sum() == 512 and np.array_equal(after[kept], before[kept])
    strength = np.square(before.astype(int)).sum(axis=1)
    assert strength[kept].min() >= strength[~kept].max()


def _weights(data: bytes) -> np.ndarray:
    graph = read_model(data).subgraphs[0]
    return np.asarray(graph.tensors[graph.operators[0].inputs[1]].data).reshape(-1, 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("dscnn --data words=absent.npz", "absent.npz does not exist"),
        ("absent", "no bar 'absent'"),
        ("dscnn --model dscnn=absent.tflite", "there is no file absent.tflite"),
        ("dscnn --model other=absent.tflite", "no bar 'other'"),
    ],
)
def test_what_cannot_be_measured_is_said_in_a_line(tmp_path: Path, words: str, said: str) -> None:
    command = [sys.executable, FOLDER / "run.py", *words.split(), "--print"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr, done.stderr
    assert said in done.stderr
