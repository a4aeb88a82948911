"""What decoders cost: instructions a value on each core, and bytes of code. `python benchmarks/coding/decoders.py`

A layer of 64 x 128 weights is compiled with each code, with as much memory as it takes, and run on each core's emulator; the
instructions of the decoder's functions are counted. Beside them stands what edgepack/coding says, by which the compiler chooses.
Writes decoders.md and decoders.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.command import run_command
from edgepack.coding import CODES, Code, entropy_bytes
from edgepack.compile import compile_model
from edgepack.compile.coded import memory
from edgepack.compile.coded.direct import DIRECT
from edgepack.cores import find_cpu
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import bench_mcu
from tests.compile.builder import ModelBuilder
from tests.compile.reference import run_reference
from tests.compile.structured import values_of

HERE = Path(__file__).resolve().parent
SHAPE = (64, 128)
CORES = ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")
KINDS = {
    "palette": ("2 values", "4 values", "8 values", "16 values", "32 values"),
    "ternary": ("ternary",),
    "bitmap": ("70 % zeros", "90 % zeros"),
    "runs": ("90 % zeros", "97 % zeros"),
    "blocks": ("blocks",),
    "ans": ("70 % zeros, 16 values", "70 % zeros"),
    "pairs": ("ternary", "4 values"),
    "gaps": ("70 % zeros, 16 values", "90 % zeros, 16 values"),
}


def weights(kind: str) -> NDArray[np.int8]:
    """Weights of a kind."""
    rng = np.random.default_rng(1)
    values = rng.normal(0, 30, SHAPE[0] * SHAPE[1]).round().clip(-127, 127).astype(np.int8)
    if kind.endswith("values") or kind.endswith("16 values"):
        count = int(kind.split()[-2])
        few = np.linspace(-75, 75, count).round()
        values = few[np.abs(values[:, None] - few).argmin(axis=1)].astype(np.int8)
    if "% zeros" in kind:
        values[rng.random(values.size) < int(kind.split()[0]) / 100] = 0
    return values_of(kind, values, rng) if kind in ("ternary", "blocks") else values


def layer(values: NDArray[np.int8]) -> bytes:
    """A .tflite of one FULLY_CONNECTED with these weights."""
    b = ModelBuilder()
    x = b.tensor((1, SHAPE[1]), scale=0.05)
    w = b.constant(values.reshape(SHAPE), "int8", scale=0.01)
    bias = b.constant(np.zeros(SHAPE[0], np.int32), "int32", scale=0.0005)
    y = b.tensor((1, SHAPE[0]), scale=0.5)
    b.operator("FULLY_CONNECTED", [x, w, bias], [y], "FullyConnectedOptions")
    return b.finish([x], [y])


def measured(code: Code, kind: str, core: str) -> dict[str, Any]:
    """One code on one core."""
    values = weights(kind)
    data = layer(values)
    model = read_model(data)
    given = (np.random.default_rng(2).integers(-128, 128, (1, SHAPE[1])).astype(np.int8),)
    expected = run_reference(data, [given], "tflite-ref")[0]
    compiled = compile_model(model, "net", core, coding=code.name)
    result = bench_mcu(compiled.files, "net", core, [given[0][None]], [expected[0][None]])
    plain = bench_mcu(compile_model(model, "net", core).files, "net", core, [given[0][None]], [expected[0][None]])
    functions = result.per_function
    thumb2 = "armv6m" not in find_cpu(core).features
    begin, following = (functions.get(code.kernel + end, 0) for end in ("", "_next"))
    size = code.size(values)
    return {
        "code": code.name,
        "weights": kind,
        "core": core,
        "bytes": size,
        "of_entropy": round((size or 0) / entropy_bytes(values), 3),
        "begin": begin,
        "per_value": round(following / values.size, 2),
        "expected": round(code.per_value(values, thumb2), 2),
        "expected_begin": code.per_tensor,
        "added": result.instructions - plain.instructions,
        "flash": result.flash_bytes - plain.flash_bytes + values.size - (size or 0),
        "same_bits": result.parity.differing == 0,
    }


def render(results: list[dict[str, Any]]) -> str:
    """The table."""
    lines = [
        "# Decoders, measured",
        "",
        "Written by `python benchmarks/coding/decoders.py`: one layer of 64 x 128 weights, zig -O3, emulated. Instructions a "
        "value are those of the decoder's loop, with what edgepack/coding expects beside them; code is what flash has more "
        "than without coding, apart from the weights. Each layer's outputs were the reference's bits.",
        "",
        "| code | weights | core | bytes | / entropy | begin | instructions a value | expected | code, bytes |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r['code']} | {r['weights']} | {r['core']} | {r['bytes']:,} | {r['of_entropy']:.3f} | {r['begin']:,} | "
        f"{r['per_value']:.2f} | {r['expected']:.2f} | {r['flash']:,} |"
        for r in results
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure every code on every core."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", action="append", help="only this core; may be repeated")
    options = parser.parse_args()
    memory.MORE_MEMORY = 1 << 20
    DIRECT.clear()  # nothing is computed on codes: all is decoded
    results = []
    for code in CODES:
        for kind in KINDS[code.name]:
            for core in options.core or CORES:
                results.append(measured(code, kind, core))
                print({key: value for key, value in results[-1].items() if key != "same_bits"}, file=sys.stderr)
    (HERE / "decoders.json").write_text(json.dumps(results, indent=1) + "\n")
    (HERE / "decoders.md").write_text(render(results))
    return 0 if all(result["same_bits"] for result in results) else 1


if __name__ == "__main__":
    run_command(main)
