"""What skipping zeros gives: instructions and bytes over density and core. `python benchmarks/coding/sparse.py`

MLPerf Tiny's image classification (ResNet-8), whose weights are pruned in place: of every layer, the share of blocks of four
neighbours in a filter, or of single weights, whose magnitudes add up to least becomes zero; nothing is trained, for instructions
and bytes are counted. Each is compiled without codes and with --coding auto, and run on the core's emulator. Writes sparse.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.command import run_command
from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from edgepack.measure.mcu.emulated import McuResult, bench_mcu
from tests.compile.harness import inputs_for
from tests.compile.reference import run_reference

HERE = Path(__file__).resolve().parent
CORES = ("cortex-m4", "cortex-m7", "cortex-m0plus")
SHARES = (0.5, 0.6, 0.7, 0.8)
BLOCK = 4
ANYWHERE = (("cortex-m4", "balanced"), ("cortex-m4", "speed"), ("cortex-m7", "speed"), ("cortex-m33", "speed"))


def pruned(model: bytes, share: float, block: int = BLOCK) -> bytes:
    """The model with that share of each layer's blocks zero; those that are not whole, and what is no layer's weights, stay."""
    changed = bytearray(model)
    base = np.frombuffer(changed, np.uint8)
    for tensor in read_model(model).subgraphs[0].tensors:
        if tensor.data is None or tensor.dtype != "int8" or tensor.data[0].size % BLOCK:
            continue
        stored = np.ascontiguousarray(tensor.data).tobytes()
        at = model.find(len(stored).to_bytes(4, "little") + stored) + 4  # a vector's length stands before it
        blocks = np.frombuffer(stored, np.int8).reshape(-1, block).copy()
        order = np.argsort(np.abs(blocks.astype(np.int64)).sum(axis=1), kind="stable")
        blocks[order[: round(share * len(blocks))]] = 0
        base[at : at + len(stored)] = blocks.reshape(-1).view(np.uint8)
    return bytes(changed)


def measured(model: bytes, core: str, coding: str, optimize: str = "balanced") -> McuResult:
    """The model on a core's emulator; its outputs must be the reference's bits."""
    sets = inputs_for(read_model(model), 1, 5)
    expected = run_reference(model, sets, "tflite-ref")
    code = compile_model(read_model(model), "net", core, optimize, coding=coding)
    given, wanted = ([each[None] for each in arrays] for arrays in (sets[0], expected[0]))
    result = bench_mcu(code.files, "net", core, given, wanted, optimize=optimize)
    if result.parity.differing:
        raise SystemExit(f"{core}, coding {coding}: the outputs are not the reference's")
    return result


def row(model: bytes, core: str, share: float, block: int = BLOCK, optimize: str = "balanced") -> str:
    """A line of a table."""
    data = pruned(model, share, block)
    dense, sparse = (measured(data, core, coding, optimize) for coding in ("off", "auto"))
    print(core, optimize, share, dense.instructions, sparse.instructions, dense.flash_bytes, sparse.flash_bytes, file=sys.stderr)
    return (
        f"{100 * share:.0f} % | {dense.instructions:,} | {sparse.instructions:,} | "
        f"{dense.instructions / sparse.instructions:.2f} | {dense.flash_bytes:,} | {sparse.flash_bytes:,} | "
        f"{dense.flash_bytes / sparse.flash_bytes:.2f} | {dense.ram_bytes:,} | {sparse.ram_bytes:,} |"
    )


def main() -> int:
    """Measure every share of zeros on every core."""
    shared = Path(__file__).resolve().parents[3] / "shared"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=shared / "models", help="folder with pretrainedResnet_quant.tflite")
    model = (parser.parse_args().models / "pretrainedResnet_quant.tflite").read_bytes()
    lines = [
        "# Skipping zeros, measured",
        "",
        "Written by `python benchmarks/coding/sparse.py`: ResNet-8 of MLPerf Tiny, its weights pruned in place "
        "(all but the first layer's, whose filters have 27), compiled with `--coding off` and `auto`, zig -O3, emulated. "
        "Flash is code and constants, RAM the arena. Outputs were the reference's bits.",
        "",
        "## In blocks of 1x4",
        "",
        "| core | zero blocks | instructions | skipping | times faster | flash | skipping | times smaller | RAM | skipping |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(f"| {core} | {row(model, core, share)}" for core in CORES for share in SHARES),
        "",
        "## Anywhere",
        "",
        "Of the aims, `balanced` decodes weights into lists of those that are not zero, `speed` has these lists in flash.",
        "",
        "| core | aim | zeros | instructions | skipping | times faster | flash | skipping | times smaller | RAM | skipping |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(f"| {core} | {aim} | {row(model, core, share, 1, aim)}" for core, aim in ANYWHERE for share in SHARES),
    ]
    (HERE / "sparse.md").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    run_command(main)
