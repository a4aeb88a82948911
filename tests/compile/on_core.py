"""Run a compiled model on an emulated core, beside the reference."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgepack.compile import CCode, compile_model
from edgepack.cores import find_core
from edgepack.flatbuffer import read_model
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import build_emulated, ports_of, write_files
from edgepack.measure.mcu.emulated import bench_mcu, choose_emulator
from tests.compile.harness import inputs_for
from tests.compile.reference import run_reference

Arrays = tuple[np.ndarray, ...]


def differing_on_core(
    model: bytes, cpu: str, seed: int, engine: str = "tflite-ref", toolchain: str = "zig", counted: bool = False
) -> tuple[CCode, int]:
    """A model's C for a core, and how many of three inputs in a row, which matters to state, give other bytes than the reference.

    With `counted` as a benchmark runs it: a second program marks the layers, and the instructions of the first input are counted.
    """
    sets = inputs_for(read_model(model), 3, seed)
    expected = run_reference(model, sets, engine)
    code = compile_model(read_model(model), "net", cpu)
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, expected))
    if counted:
        parity = bench_mcu(code.files, "net", cpu, inputs, outputs, toolchain=toolchain).parity
        assert parity.compared == 3
        return code, parity.differing
    with tempfile.TemporaryDirectory(prefix="edgepack-core-") as work:
        found = _run(code.files, cpu, inputs, outputs, toolchain, Path(work))
    differs = [any(a[i].tobytes() != b[i].tobytes() for a, b in zip(found, outputs, strict=True)) for i in range(3)]
    return code, sum(differs)


def run_on_core(files: Mapping[str, str], cpu: str, sets: Sequence[Arrays], like: Sequence[Arrays]) -> list[Arrays]:
    """What generated C named "net", with what lies beside it, gives on an emulated core for each set of inputs."""
    inputs, outputs = (tuple(np.stack(arrays) for arrays in zip(*given, strict=True)) for given in (sets, like))
    with tempfile.TemporaryDirectory(prefix="edgepack-core-") as work:
        found = _run(files, cpu, inputs, outputs, "zig", Path(work))
    return [tuple(array[i].reshape(wanted.shape) for array, wanted in zip(found, like[i], strict=True)) for i in range(len(sets))]


def _run(files: Mapping[str, str], cpu: str, inputs: Arrays, like: Arrays, toolchain: str, work: Path) -> Arrays:
    core = find_core(cpu)
    folder = write_files(files, work / "code")
    ports = ports_of(inputs), ports_of(like)
    program = build_emulated(folder, "net", core, *ports, find_toolchain(toolchain), work / "build")
    done = choose_emulator("auto", core)(program, inputs)
    assert set(done.statuses) == {0}
    return tuple(done.outputs)
