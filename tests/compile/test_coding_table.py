"""The table of weights in codes, beside the file's own tensors, the compiled program and the theory; and its reasons."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from dataclasses import replace
from math import ceil, log2
from pathlib import Path

import numpy as np
import pytest

from edgepack.coding import CODES
from edgepack.compile import CCode, compile_model
from edgepack.compile.coded import memory, reasons
from edgepack.compile.coding_table import CodingRow, CodingTable, coded_rows, coding_table, why_uncoded
from edgepack.flatbuffer import Model, read_model
from edgepack.ground.errors import ProjectError
from tests.coding.networks import convolution
from tests.compile.builder import ModelBuilder
from tests.compile.structured import values_of

FOLDER = Path(__file__).parents[1] / "flatbuffer" / "coded"
PRUNED, CLUSTERED = (FOLDER / f"{name}.tflite" for name in ("pruned", "clustered"))


def dense(kind: str, inputs: int = 64, outputs: int = 64) -> Model:
    """A fully connected layer with weights of a kind."""
    rng = np.random.default_rng(3)
    builder = ModelBuilder()
    x, y = builder.tensor((1, inputs), scale=0.05), builder.tensor((1, outputs), scale=0.4)
    values = values_of(kind, rng.integers(-127, 128, inputs * outputs).astype(np.int8), rng).reshape(outputs, inputs)
    w = builder.tensor((outputs, inputs), scale=0.02, data=values)
    b = builder.tensor((outputs,), "int32", scale=0.001, data=np.zeros(outputs, np.int32))
    builder.operator("FULLY_CONNECTED", [x, w, b], [y], "FullyConnectedOptions")
    return read_model(builder.finish([x], [y]))


def only_row(model: Model, optimize: str = "balanced", coding: str = "auto") -> CodingRow:
    table = coding_table(model, "generic", optimize, coding)
    return max(table.rows, key=lambda row: row.values)


def entropy(values: np.ndarray) -> float:
    """Bytes, by Shannon's formula."""
    counts = Counter(values.reshape(-1).tolist()).values()
    return sum(-count * log2(count / values.size) for count in counts) / 8


@pytest.mark.parametrize("kind", ["pruned", "clustered", "ternary", "sparse", "trained"])
def test_figures_are_those_of_the_files_tensor(kind: str) -> None:
    model = dense(kind)
    weights = next(tensor.data for tensor in model.subgraphs[0].tensors if tensor.shape == (64, 64))
    assert weights is not None
    row = only_row(model)
    assert (row.values, row.float_bytes, row.int8_bytes) == (4096, 4 * 4096, 4096)
    assert row.entropy_bytes == ceil(entropy(weights))
    sizes = {code.name: code.size(weights.astype(np.int8)) for code in CODES}
    assert row.codes == {**sizes, "frame": None}
    if row.why.endswith("skipping zeros"):  # such a kernel's own form of the code, with gaps for bits
        assert row.code == "blocks" and sizes["blocks"] < row.stored_bytes < 4096 / 2
    else:
        assert row.stored_bytes == (sizes[row.code] if row.code else 4096)


@pytest.mark.skipif(shutil.which("gcc") is None or shutil.which("nm") is None, reason="gcc and nm are not installed")
@pytest.mark.parametrize(("file", "cpu", "coding"), [(PRUNED, "cortex-m4", "bitmap"), (CLUSTERED, "generic", "smallest")])
def test_the_bytes_saved_are_those_of_the_compiled_constants(file: Path, cpu: str, coding: str, tmp_path: Path) -> None:
    model = read_model(file)
    table = coding_table(model, cpu, coding=coding)
    found = {}
    for setting in ("off", coding):
        code = compile_model(model, "net", cpu, coding=setting)
        folder = tmp_path / setting
        folder.mkdir()
        for name, text in code.files.items():
            (folder / name).write_text(text)
        subprocess.run(["gcc", "-c", "net_weights.c", "-o", "net.o"], cwd=folder, check=True)
        lines = subprocess.run(["nm", "-S", "net.o"], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
        found[setting] = sum(int(line.split()[1], 16) for line in lines if len(line.split()) == 4)
    assert any(row.code for row in table.rows)
    assert found["off"] - found[coding] == table.totals.int8_bytes - table.totals.stored_bytes


def test_totals_are_sums_and_decoding_is_told() -> None:
    table = coding_table(read_model(PRUNED), "cortex-m4", coding="bitmap")
    totals = table.totals
    for key in ("values", "float_bytes", "int8_bytes", "entropy_bytes", "stored_bytes"):
        assert getattr(totals, key) == sum(getattr(row, key) for row in table.rows)
    assert totals.entropy_bytes < totals.stored_bytes < totals.int8_bytes < totals.float_bytes
    code = compile_model(read_model(PRUNED), "net", "cortex-m4", coding="bitmap")
    assert totals.instructions == sum(array.instructions for layer in code.layers for array in layer.coded)
    plain = sum(layer.predicted for layer in compile_model(read_model(PRUNED), "net", "cortex-m4").layers)
    assert totals.share == pytest.approx(totals.instructions / (plain + totals.instructions), rel=0.02)


def test_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only_row(dense("trained")).why == "no code saves a quarter"
    assert only_row(dense("trained"), coding="runs").why == "runs does not make it smaller"
    assert only_row(dense("trained"), coding="palette").code == ""
    assert only_row(dense("pruned"), "speed").why == reasons.FOR_SPEED
    assert only_row(dense("pruned", 8, 8), "size").why == reasons.SMALL
    assert only_row(dense("pruned", 20, 20), "size").why in (reasons.TOO_LITTLE, "no code saves a quarter")
    assert only_row(dense("clustered"), coding="off").why == "coding is off"
    assert only_row(dense("sparse"), "size", coding="ans").why.startswith("saves 9")
    assert only_row(dense("sparse"), "speed").why.endswith(", computed from its blocks, skipping zeros")
    numbers = {row.why for row in coding_table(read_model(PRUNED), "cortex-m4").rows if not row.code}
    assert reasons.TOO_LITTLE in numbers and numbers <= {reasons.TOO_LITTLE, reasons.SMALL, "no code saves a quarter"}
    assert only_row(dense("pruned", 30, 30), "size").why == reasons.TOO_LITTLE
    alone = {row.why for row in coding_table(read_model(PRUNED), "cortex-m0plus", coding="ans").rows if "biases" in row.what}
    assert reasons.FOR_WEIGHTS in alone
    assert only_row(read_model(convolution("trained")), "size").why == "no code saves a quarter"
    slow = only_row(dense("clustered"), "balanced")
    assert slow.code == "" and slow.why == reasons.TOO_SLOW
    monkeypatch.setattr(memory, "MORE_MEMORY", 0)
    monkeypatch.setattr(memory, "DECODER", 0)
    monkeypatch.setattr(memory, "WORTH_MEMORY", 1000)
    rows = coding_table(read_model(PRUNED), "cortex-m4", coding="smallest").rows
    assert reasons.NO_ROOM in {row.why for row in rows}


def test_the_reason_why_nothing_is_coded_is_that_of_most_bytes() -> None:
    code = compile_model(dense("trained"), "net", coding="auto")
    assert coded_rows(code) == () and why_uncoded(code) == "no code saves a quarter"
    assert why_uncoded(compile_model(dense("trained"), "net", coding="runs")) == "runs does not make it smaller"
    assert why_uncoded(compile_model(read_model(PRUNED), "net", "cortex-m4", "speed", coding="auto")).startswith("for speed")
    assert why_uncoded(compile_model(dense("trained"), "net")) == ""


@pytest.mark.parametrize("optimize", ["size", "balanced", "speed"])
@pytest.mark.parametrize("cpu", ["generic", "cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("coding", ["auto", "smallest"])
def test_rows_agree_with_what_is_compiled(coding: str, cpu: str, optimize: str) -> None:
    for model in (read_model(PRUNED), read_model(convolution("clustered"))):
        table = coding_table(model, cpu, optimize, coding)
        code = compile_model(model, "net", cpu, optimize, coding=coding)
        _agree(table, code)
        assert optimize != "speed" or coding != "auto" or not any(row.code for row in table.rows)


def _agree(table: CodingTable, code: CCode) -> None:
    kernels = {each.name for each in CODES if each.kernel in code.kernels}
    kernels |= {"frame"} if {"ep_channels", "ep_unpack_framed"} & set(code.kernels) else set()
    assert {row.code for row in table.rows} - {""} == kernels
    expected = tuple(replace(row, codes={}) for row in table.rows) if kernels else ()
    assert coded_rows(code) == expected


def test_the_readme_says_how_many_layers_decode() -> None:
    code = compile_model(read_model(PRUNED), "net", "cortex-m4", coding="smallest")
    layers = sum(bool(layer.coded) for layer in code.layers)
    assert f"- {layers} layers have their weights in codes, decoded into the arena in every run" in code.files["README.md"]
    assert "in codes" not in compile_model(read_model(PRUNED), "net", "cortex-m4").files["README.md"]


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(ProjectError, match="unknown code 'zip'") as caught:
        coding_table(dense("pruned"), coding="zip")
    assert caught.value.code == "EP-710"
