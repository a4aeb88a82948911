"""What generated C takes on a core, flash as linked and instructions as counted, and what it gives on this machine."""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coding.subject import Arrays
from edgepack.compile import CCode, compile_model
from edgepack.compile.kernels import FOLDER
from edgepack.cores import find_core
from edgepack.flatbuffer import Model
from edgepack.mcu.host import build_host, run_host
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import build_emulated, ports_of, write_files
from edgepack.measure.mcu.emulated import McuResult, bench_mcu

NAME, TOOLCHAIN = "net", "zig"
DECODERS = tuple(file.stem for file in sorted((FOLDER / "coding").glob("ep_*.h")))
"""What the names of the functions begin with that decode."""


@dataclass(frozen=True)
class OnCore:
    """A model's C on a core: what was counted, bytes of decoders' functions in the linked program, instructions in them."""

    code: CCode
    result: McuResult
    decoder_bytes: int
    decoding: int

    @property
    def constants(self) -> int:
        """Bytes of flash that are no code: streams, weights, tables, biases, multipliers, and the structs that hold them."""
        return self.result.sizes.constants + self.result.sizes.initialised

    @property
    def figures(self) -> dict[str, Any]:
        """Those of the table."""
        sizes, parity = self.result.sizes, self.result.parity
        return {
            "constants": self.constants,
            "code": sizes.code,
            "arena": sizes.arena,
            "instructions": self.result.instructions,
            "decoder_bytes": self.decoder_bytes,
            "decoding": self.decoding,
            "examples": parity.compared,
            "differing": parity.differing,
        }


def on_core(model: Model, core: str, optimize: str, coding: str, inputs: Arrays, expected: Arrays | None) -> OnCore:
    """Compile, link and run a model; the first example is counted, the others are compared with `expected` only."""
    code = compile_model(model, NAME, core, optimize, coding=coding)
    values = [code.graph.values[value] for value in code.graph.outputs]
    like = tuple(np.zeros(value.shape, value.dtype) for value in values)
    result = bench_mcu(code.files, NAME, core, inputs, expected, outputs_like=like, toolchain=TOOLCHAIN, optimize=optimize)
    decoding = sum(count for name, count in result.per_function.items() if name.startswith(DECODERS))
    return OnCore(code, result, _decoder_bytes(code, core, optimize, inputs, expected or like), decoding)


def on_host(code: CCode, inputs: Arrays, expected: Arrays) -> tuple[Arrays, int, float]:
    """The outputs of the same C, compiled for this machine, for every example; how many differ from `expected`; seconds.

    The examples are spread over as many processes as there are processors: each starts from the initial state.
    """
    begun, count = time.monotonic(), len(inputs[0])
    processes = min(os.cpu_count() or 1, count)
    bounds = [count * part // processes for part in range(processes + 1)]
    with tempfile.TemporaryDirectory(prefix="edgepack-bars-") as work:
        program = build_host(code.files, NAME, ports_of(inputs), ports_of(expected), Path(work), ("-O3",))

        def run(first: int, end: int) -> Arrays:
            return run_host(program, [array[first:end] for array in inputs], independent=True)

        with ThreadPoolExecutor(processes) as pool:
            parts = list(pool.map(run, bounds, bounds[1:]))
    flat = [np.concatenate([part.reshape(-1) for part in each]) for each in zip(*parts, strict=True)]
    outputs = tuple(array.reshape(wanted.shape) for array, wanted in zip(flat, expected, strict=True))
    same = [
        (got.reshape(count, -1).view(np.uint8) == wanted.reshape(count, -1).view(np.uint8)).all(axis=1)
        for got, wanted in zip(outputs, expected, strict=True)
    ]
    return outputs, count - int(np.logical_and.reduce(same).sum()), time.monotonic() - begun


def _decoder_bytes(code: CCode, core: str, optimize: str, inputs: Arrays, outputs: Arrays) -> int:
    with tempfile.TemporaryDirectory(prefix="edgepack-bars-") as name:
        work, found = Path(name), find_core(core)
        folder = write_files(code.files, work / "code")
        ports = ports_of(inputs), ports_of(outputs)
        program = build_emulated(folder, NAME, found, *ports, find_toolchain(TOOLCHAIN), work / "build", optimize)
        functions = read_elf(program.elf).functions()
    return sum(function.size for function in functions if function.name.startswith(DECODERS))
