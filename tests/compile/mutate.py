"""Damage .tflite files: single bytes, or one property of the model's structure at a time, which reaches further.

python -m tests.compile.mutate --count 2000        # mutants of every case and of the files named; prints what goes wrong
"""

from __future__ import annotations

import argparse
import functools
import importlib
import struct
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import EdgepackError

LIMIT = 20.0
"""Seconds a mutant may take."""
NUMBERS = (-(1 << 31), -129, -128, -2, -1, 0, 1, 2, 3, 7, 127, 128, 255, 32767, 65536, (1 << 31) - 1)
SCALES = (0.0, -0.1, float("nan"), float("inf"), 1e-38, 1e-12, 1.0, 1e12, 3e38)


def damaged_bytes(model: bytes, rng: np.random.Generator) -> bytes:
    """The file with one to three bytes changed."""
    damaged = bytearray(model)
    for _ in range(int(rng.integers(1, 4))):
        position = int(rng.integers(len(damaged)))
        damaged[position] = int(rng.integers(256)) if rng.random() < 0.5 else int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
    return bytes(damaged)


def damaged_structure(model: bytes, rng: np.random.Generator) -> bytes:
    """The file with one or two properties of tensors, operators or buffers changed, and every offset consistent."""
    root = schema.ModelT.InitFromPackedBuf(model, 0)
    for _ in range(int(rng.integers(1, 3))):
        graph = root.subgraphs[int(rng.integers(len(root.subgraphs)))]
        choice = rng.random()
        if choice < 0.55 and len(graph.tensors):
            _damage_tensor(graph.tensors[int(rng.integers(len(graph.tensors)))], rng)
        elif choice < 0.9 and len(graph.operators):
            _damage_operator(graph.operators[int(rng.integers(len(graph.operators)))], len(graph.tensors), rng)
        else:
            _damage_buffer(root.buffers[int(rng.integers(len(root.buffers)))], rng)
    packer = flatbuffers.Builder(4096)
    try:
        packer.Finish(root.Pack(packer), b"TFL3")
    except (TypeError, struct.error):  # a number the option's type cannot hold
        return damaged_bytes(model, rng)
    return bytes(packer.Output())


def _number(rng: np.random.Generator) -> int:
    return int(rng.choice(NUMBERS)) if rng.random() < 0.6 else int(rng.integers(0, 12))


def _damage_tensor(tensor: Any, rng: np.random.Generator) -> None:
    what = int(rng.integers(6))
    shape = [int(n) for n in (tensor.shape if tensor.shape is not None else [])]
    quantization = tensor.quantization
    if what == 0 and shape:
        shape[int(rng.integers(len(shape)))] = _number(rng)
        tensor.shape = shape
    elif what == 1:
        tensor.shape = shape[:-1] if rng.random() < 0.5 else [*shape, _number(rng)]
    elif what == 2:
        tensor.type = int(rng.integers(0, 18))
    elif what == 3 and quantization is not None and quantization.scale is not None and len(quantization.scale):
        scales = np.array(quantization.scale, np.float32)
        scales[int(rng.integers(scales.size))] = float(rng.choice(SCALES))
        quantization.scale = scales if rng.random() < 0.7 else scales[:-1]
    elif what == 4 and quantization is not None and quantization.zeroPoint is not None and len(quantization.zeroPoint):
        zeros = np.array(quantization.zeroPoint, np.int64)
        zeros[int(rng.integers(zeros.size))] = _number(rng)
        quantization.zeroPoint = zeros
    else:
        tensor.isVariable = not tensor.isVariable
        if rng.random() < 0.5:
            tensor.quantization = None


def _damage_operator(operator: Any, tensors: int, rng: np.random.Generator) -> None:
    what = int(rng.integers(4))
    options = operator.builtinOptions
    if what == 0 and options is not None and vars(options):
        name = str(rng.choice(sorted(vars(options))))
        value = getattr(options, name)
        if isinstance(value, bool):
            setattr(options, name, not value)
        elif isinstance(value, float):
            setattr(options, name, float(rng.choice([*SCALES, 0.5])))
        elif isinstance(value, int):
            small = name in ("padding", "fusedActivationFunction", "weightsFormat", "outType", "mode")
            setattr(options, name, int(rng.integers(0, 4)) if small else _number(rng))
    else:
        field = str(rng.choice(["inputs", "outputs"]))
        ids = [int(i) for i in (getattr(operator, field) if getattr(operator, field) is not None else [])]
        if what == 1 and ids:
            ids[int(rng.integers(len(ids)))] = int(rng.integers(-1, tensors))
        elif what == 2:
            ids = ids[:-1]
        else:
            ids.append(int(rng.integers(-1, tensors)))
        setattr(operator, field, ids)


def _damage_buffer(buffer: Any, rng: np.random.Generator) -> None:
    if buffer.data is None or not len(buffer.data):
        return
    data = np.array(buffer.data, np.uint8)
    if rng.random() < 0.3:
        buffer.data = data[: int(rng.integers(data.size))]
        return
    at = int(rng.integers(data.size))
    data[at : at + 8] = rng.integers(0, 256, data[at : at + 8].size)
    buffer.data = data


def outcome(model: bytes, cpu: str = "cortex-m4") -> str:
    """Empty if the file is compiled or refused in time, else what went wrong."""
    start = time.process_time()
    try:
        compile_model(read_model(model), "m", cpu)
    except EdgepackError as error:
        if not error.hint:
            return f"an error without a hint: {error}"
    except Exception:
        return traceback.format_exc(limit=-4)
    seconds = time.process_time() - start
    return f"took {seconds:.1f} s" if seconds > LIMIT else ""


def sources() -> dict[str, tuple[Any, str]]:
    """Every single-operator case: its maker by name."""
    found: dict[str, tuple[Any, str]] = {}
    for file in sorted(Path(__file__).parent.glob("cases*.py")):
        module = importlib.import_module(f"tests.compile.{file.stem}")
        found |= {name: (make, file.stem) for name, make in module.CASES.items()}
    return found


def mutants(model: bytes, count: int, rng: np.random.Generator) -> Iterator[bytes]:
    """`count` mutants, a quarter of them with single bytes changed."""
    for index in range(count):
        yield damaged_bytes(model, rng) if index % 4 == 0 else damaged_structure(model, rng)


def _given(model: bytes, rng: np.random.Generator) -> bytes:
    """A maker of one model, as the cases are makers of random ones."""
    del rng
    return model


def main() -> int:
    """Run from the command line; the exit status is 1 if anything goes wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="models to damage besides the cases")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    originals: list[tuple[str, Any]] = [(file.name, functools.partial(_given, file.read_bytes())) for file in options.files]
    originals += [(name, make) for name, (make, _) in sources().items() if options.only in name]
    each = -(-options.count // len(originals))
    done, wrong = 0, []
    for number, (name, make) in enumerate(originals):
        rng = np.random.default_rng([options.seed, number])
        for index, mutant in enumerate(mutants(make(rng), each, rng)):
            found = outcome(mutant)
            done += 1
            if found:
                wrong.append(f"{name}, mutant {index} of seed {options.seed}: {found}")
    print("\n".join(wrong))
    print(f"{done} mutants of {len(originals)} models, {len(wrong)} neither compiled nor refused in time")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
