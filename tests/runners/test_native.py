"""Models as static programs, as 64-bit and 32-bit Arm code under qemu; the outputs are the reference kernels', bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack, write_pack
from edgepack.runners import RUNNER, RunnerFailure, native, parse_result, run_reference
from edgepack.runners.native import build_program, program_code, target_of
from tests.coding.networks import convolution
from tests.hostile import HOSTILE, printable_ascii, seen_by_compiler
from tests.pack.hostile_model import harmless_twin, hostile_model
from tests.standins.packs import conv_pack


@pytest.fixture(scope="module")
def conv(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    return conv_pack(tmp_path_factory.mktemp("conv") / "pack")


# An emulated core that has no more than the program was compiled for: another instruction would end it.
EMULATORS = {"aarch64": ("qemu-aarch64-static", "cortex-a53"), "armv7l": ("qemu-arm-static", "cortex-a7")}
on_both = pytest.mark.parametrize("machine", list(EMULATORS))


def _emulator(machine: str = "aarch64") -> list[str]:
    program, cpu = EMULATORS[machine]
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed (apt-get install --no-install-recommends qemu-user-static)")
    return [found, "-cpu", cpu]


def _run(
    pack: Pack, command: str, *arguments: object, model: Path | None = None, machine: str = "aarch64", layers: bool = False
) -> dict[str, Any]:
    emulator = _emulator(machine)
    program = build_program(pack.model, machine, SilentProgress(), layers)
    words = [*emulator, program, command, "--model", model or pack.model, "--engine", "c", "--threads", 1, *arguments]
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=300)
    return parse_result(done.stdout)


def _check_golden(pack: Pack, machine: str) -> None:
    found = _run(pack, "golden", "--folder", pack.folder / "golden", machine=machine)
    assert found["count"] == pack.golden.count and found["values_differing"] == 0, found
    assert (found["engine"], found["threads"]) == ("c", 1)


@pytest.fixture(scope="module")
def structured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pack]:
    """Networks whose weights are worth coding."""
    folder = tmp_path_factory.mktemp("structured")
    packs = {}
    for kind in ("pruned", "clustered"):
        file = folder / f"{kind}.tflite"
        file.write_bytes(convolution(kind))
        packs[kind] = write_pack(folder / kind, kind, file)
    return packs


@pytest.mark.parametrize(
    ("kind", "coding", "machine"),
    [
        ("pruned", "auto", "aarch64"),
        ("clustered", "smallest", "aarch64"),
        ("pruned", "bitmap", "armv7l"),
        ("clustered", "palette", "aarch64"),
        ("clustered", "ans", "armv7l"),
    ],
)
def test_weights_in_codes_give_the_same_bits_there(structured: dict[str, Pack], kind: str, coding: str, machine: str) -> None:
    pack = structured[kind]
    codes = {array.code for layer in program_code(pack.model, coding).layers for array in layer.coded}
    assert codes and (coding in ("auto", "smallest") or codes == {coding})
    plain = build_program(pack.model, machine, SilentProgress())
    coded = build_program(pack.model, machine, SilentProgress(), coding=coding)
    assert coded != plain
    done = subprocess.run(
        [
            *_emulator(machine),
            coded,
            "golden",
            "--model",
            pack.model,
            "--engine",
            "c",
            "--threads",
            "1",
            "--folder",
            pack.folder / "golden",
        ],
        capture_output=True,
        timeout=300,
    )
    found = parse_result(done.stdout)
    assert found["count"] == pack.golden.count and found["values_differing"] == 0, found


def test_without_structure_or_word_the_program_is_as_it_was(conv: Pack) -> None:
    assert not any(layer.coded for layer in program_code(conv.model).layers)
    assert program_code(conv.model, "auto").files == program_code(conv.model).files


@on_both
def test_golden_vectors_have_the_references_bits(conv: Pack, machine: str) -> None:
    _check_golden(conv, machine)


@pytest.mark.slow
@on_both
def test_keyword_spotting_has_the_references_bits(shared_models: Path, tmp_path: Path, machine: str) -> None:
    _check_golden(write_pack(tmp_path / "pack", "kws", shared_models / "kws_ref_model.tflite"), machine)


def test_wrong_golden_outputs_are_noticed_and_measured(conv: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(conv.folder / "golden", folder)
    outputs = np.fromfile(folder / "output_0.bin", np.int8).reshape(conv.golden.count, -1)
    wrong = outputs.copy()
    wrong[1, 5] = np.clip(int(outputs[1, 5]) + (40 if outputs[1, 5] < 0 else -40), -128, 127)
    wrong[2, 3] ^= 1
    wrong.tofile(folder / "output_0.bin")
    found = _run(conv, "golden", "--folder", folder)
    assert (found["inputs_differing"], found["values_differing"], found["max_difference"]) == (2, 2, 40)
    differences = sorted(np.abs(wrong.astype(int) - outputs).max(axis=1))
    assert found["median_difference"] == differences[-(-len(differences) // 2) - 1]


@on_both
def test_a_test_set_in_parts_gives_the_references_outputs(conv: Pack, tmp_path: Path, machine: str) -> None:
    tensor = conv.golden.inputs[0]
    samples = np.random.default_rng(3).integers(-128, 128, (7, *tensor.shape), dtype=np.int8)
    samples.tofile(tmp_path / "in put.bin")
    parts = []
    for first, count in ((0, 3), (3, 3), (6, 3)):
        options = ("--first", first, "--count", count)
        found = _run(
            conv, "infer", "--input", tmp_path / "in put.bin", "--output", tmp_path / "out.bin", *options, machine=machine
        )
        assert found["count"] == min(count, 7 - first)
        parts.append((tmp_path / "out.bin").read_bytes())
    expected = run_reference(conv.model, (samples,))[0]
    assert b"".join(parts) == np.ascontiguousarray(expected, np.int8).tobytes()


@on_both
def test_a_benchmark_says_what_the_python_runner_says(conv: Pack, machine: str) -> None:
    words = ("--runs", 15, "--warmup", 3, "--seconds", 20, "--warmup-seconds", 5)
    found = _run(conv, "bench", *words, "--cpus", 0, machine=machine)
    done = subprocess.run(
        [sys.executable, str(RUNNER), "bench", "--model", str(conv.model), *map(str, words)], capture_output=True
    )
    python = parse_result(done.stdout)
    assert set(found) == set(python) and all(set(found[one]) == set(python[one]) for one in ("before", "steady", "after"))
    assert set(found["during"][0]) == set(python["during"][0])
    samples = found["samples"]
    assert found["runs"] == len(samples) == 15 and found["warmup_runs"] >= 3
    assert found["min"] == min(samples) and found["max"] == max(samples) and found["p50"] == sorted(samples)[7]
    assert found["p95"] == found["p99"] == max(samples), "nearest rank"
    assert found["peak_memory"] >= found["memory_before"] > 0 and found["first"] > 0


@pytest.mark.parametrize(
    ("script", "bits"),
    [("echo throttled=0x50005", 0x50005), ("exec sleep 60", None), ("exec yes 'throttled=0x1'", 1), ("exit 1", None)],
    ids=["tells", "hangs", "floods", "fails"],
)
def test_a_firmware_tool_is_waited_for_a_few_seconds(
    script: str, bits: int | None, conv: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "vcgencmd"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    start = time.monotonic()
    found = _run(conv, "bench", "--runs", 2, "--warmup", 1, "--seconds", 1, "--warmup-seconds", 1)
    assert found["before"]["throttled"] == found["after"]["throttled"] == bits and time.monotonic() - start < 30


def test_a_program_refuses_another_model(conv: Pack, tmp_path: Path) -> None:
    """A program that stayed on a device must not be measured as the model that is there now."""
    other = tmp_path / "model.tflite"
    other.write_bytes(conv.model.read_bytes() + b"\0" * 57)
    with pytest.raises(RunnerFailure) as caught:
        _run(conv, "bench", "--runs", 1, model=other)
    assert caught.value.kind == "model" and hashlib.sha256(other.read_bytes()).hexdigest()[:16] in str(caught.value)


def _layers(pack: Pack) -> dict[str, Any]:
    return _run(pack, "layers", "--runs", 20, "--seconds", 20, "--warmup-seconds", 2, layers=True)


def _check_layers(pack: Pack, operators: list[str], covered: float) -> None:
    """Every operator in order, with times that fit the whole inference, in a program whose outputs keep their bits."""
    found = _layers(pack)
    assert [row["number"] for row in found["layers"]] == list(range(len(operators)))
    assert [layer.op for layer in program_code(pack.model).layers] == operators
    # In each inference the layers are parts of the whole, and all of it but the clock's readings and the call itself.
    assert sum(row["min"] for row in found["layers"]) <= found["min"] <= found["p50"] <= found["max"]
    assert covered <= found["covered"] <= 1
    assert found["clock"] > 0 and all(row["min"] > 0 for row in found["layers"])
    golden = _run(pack, "golden", "--folder", pack.folder / "golden", layers=True)
    assert golden["count"] == pack.golden.count and golden["values_differing"] == 0


def test_a_profiling_build_times_the_layers(conv: Pack) -> None:
    # So small a model takes about as long as reading the clock does, and a busy machine reads it slowly.
    _check_layers(conv, ["CONV_2D", "RELU6"], covered=0.01)


@pytest.mark.slow
def test_every_operator_of_keyword_spotting_is_timed_in_order(shared_models: Path, tmp_path: Path) -> None:
    model = shared_models / "kws_ref_model.tflite"
    names = {number: name for name, number in vars(import_module("tflite.BuiltinOperator").BuiltinOperator).items()}
    root = import_module("tflite.Model").Model.GetRootAs(model.read_bytes())
    codes = [root.OperatorCodes(root.Subgraphs(0).Operators(i).OpcodeIndex()) for i in range(root.Subgraphs(0).OperatorsLength())]
    operators = [names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())] for code in codes]
    assert operators.count("RESHAPE") == 1, "it moves nothing: no code is generated for it"
    _check_layers(write_pack(tmp_path / "pack", "kws", model), [name for name in operators if name != "RESHAPE"], covered=0.9)


def test_a_program_that_ships_has_no_clock_between_its_layers(conv: Pack) -> None:
    with pytest.raises(RunnerFailure) as caught:
        _run(conv, "layers")
    assert caught.value.kind == "runtime" and "without a clock" in str(caught.value)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (("golden", "--folder", "/nowhere"), "system"),
        (("infer", "--input", "/dev/null"), "data"),
        (("bench", "--runs", "many"), "data"),
        (("bench", "--cpus", "0,x"), "data"),
        (("dance",), "data"),
    ],
)
def test_what_cannot_be_done_is_said(conv: Pack, command: tuple[str, ...], kind: str) -> None:
    with pytest.raises(RunnerFailure) as caught:
        _run(conv, command[0], *command[1:])
    assert caught.value.kind == kind and json.dumps(str(caught.value))


def test_files_that_hold_no_whole_tensors_are_refused(conv: Pack, tmp_path: Path) -> None:
    (tmp_path / "in.bin").write_bytes(bytes(5))
    with pytest.raises(RunnerFailure) as caught:
        _run(conv, "infer", "--input", tmp_path / "in.bin", "--output", tmp_path / "out.bin")
    assert caught.value.kind == "data" and not (tmp_path / "out.bin").exists()


def test_processors_by_their_names() -> None:
    assert target_of("arm64-v8a") == target_of("aarch64") and target_of("armeabi-v7a") == target_of("armv7l")
    with pytest.raises(DeviceError) as caught:
        target_of("riscv64")
    assert caught.value.code == "EP-526"


def test_a_program_times_blocks_between_those_of_another(conv: Pack) -> None:
    """As the script that compares two models on a device asks for them."""
    program = build_program(conv.model, "aarch64", SilentProgress())
    words = [*_emulator(), str(program), "serve", "--model", str(conv.model), "--warmup", "2", "--warmup-seconds", "5"]
    done = subprocess.run(words, input=b"block 0.01\nblock 0\nend\n", capture_output=True, timeout=300)
    ready, first, second = done.stdout.decode().splitlines()[:3]
    assert int(ready.removeprefix("ready ")) >= 1
    assert len(second.split()) == 4 and len(first.split()) > 4 and min(map(int, first.split())) > 0
    found = parse_result(done.stdout)
    assert found["after"]["time"] >= found["steady"]["time"] >= found["before"]["time"] and found["after"]["own"] > 0


def test_a_program_is_made_anew_whenever_a_room_changed_that_decides_its_code() -> None:
    package = Path(native.__file__).parents[1]
    imported = {
        name
        for room in native.GENERATORS
        for file in (package / room).rglob("*.py")
        for name in re.findall(r"^\s*from edgepack\.(\w+)", file.read_text(), re.MULTILINE)
    }
    assert set(native.GENERATORS) <= imported
    # ground writes files and makes errors; nothing of it comes into the code.
    assert imported - {"ground"} <= set(native.GENERATORS)


def test_the_sources_of_a_model_with_hostile_names_are_those_of_its_twin(tmp_path: Path) -> None:
    names = list(HOSTILE.values())
    for kind, content in (("hostile", hostile_model(names)), ("twin", harmless_twin(names))):
        (tmp_path / kind).mkdir()
        (tmp_path / f"{kind}.tflite").write_bytes(content)
        native.write_program_code(tmp_path / f"{kind}.tflite", tmp_path / kind)
    sources = sorted((tmp_path / "hostile").glob("*.[ch]"))
    assert [path.name for path in sources] == sorted(path.name for path in (tmp_path / "twin").glob("*.[ch]"))
    for path in sources:
        ours, theirs = path.read_text(encoding="utf-8"), (tmp_path / "twin" / path.name).read_text(encoding="utf-8")
        assert printable_ascii(ours), path.name
        for trigraphs in (False, True):
            seen = [re.sub(r"[0-9a-f]{64}", "", seen_by_compiler(text, trigraphs)) for text in (ours, theirs)]
            assert seen[0] == seen[1], path.name
