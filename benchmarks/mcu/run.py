"""Count what the reference models cost on every core: `python benchmarks/mcu/run.py [--models FOLDER] [--core …]`.

Deterministic: the same sources and compilers give the same file. Writes results.md and results.json beside itself.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Result = dict[str, Any]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.command import run_command  # noqa: E402
from benchmarks.mcu import build_models, costs, published, table  # noqa: E402
from edgepack.compile import compile_model  # noqa: E402
from edgepack.cores import CORES  # noqa: E402
from edgepack.flatbuffer import Model, inspect_model, read_model  # noqa: E402
from edgepack.measure.mcu.emulated import bench_mcu  # noqa: E402
from edgepack.runners import run_reference  # noqa: E402

REFERENCE = {"kws": "kws_ref_model.tflite", "ic": "pretrainedResnet_quant.tflite"}
MODELS = (*REFERENCE, *build_models.BUILDERS)
COMPARED = ("cortex-m0plus", "cortex-m4", "cortex-m55")  # one core of each kind of kernels: choices are checked there


def main() -> int:
    """Run and write the results; 1 when an output differs from the reference in any bit."""
    parser = argparse.ArgumentParser(description=__doc__)
    shared = os.environ.get("EDGEPACK_SHARED", str(HERE.parents[2] / "shared"))
    parser.add_argument("--models", type=Path, default=Path(shared) / "models", help="folder with the reference models")
    parser.add_argument("--built", type=Path, default=HERE / ".models", help="folder for the models the benchmark builds itself")
    parser.add_argument("--core", action="append", choices=sorted(CORES), help="only this core (repeatable)")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this model (repeatable)")
    parser.add_argument("--toolchain", default="zig", choices=("zig", "gcc"))
    parser.add_argument("--optimize", default="speed", choices=("speed", "balanced", "size"))
    parser.add_argument("--inputs", type=int, default=8, help="random inputs compared on the core, besides the counted one")
    parser.add_argument("--print", action="store_true", help="print instead of writing the files")
    asked = parser.parse_args()
    results = []
    for name in asked.model or MODELS:
        results += bench_model(name, model_file(name, asked), asked)
    text = table.render(results, asked)
    if asked.print:
        print(text)
    else:
        (HERE / "results.md").write_text(text)
        (HERE / "results.json").write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        print(f"wrote {HERE / 'results.md'}")
    return 1 if any(result["parity"]["differing"] for result in results) else 0


def model_file(name: str, asked: argparse.Namespace) -> Path:
    """Where the model is; built first if it is one that the benchmark builds."""
    if name in REFERENCE:
        return Path(asked.models) / REFERENCE[name]
    file = Path(asked.built) / f"{name}.tflite"
    if not file.exists():
        build_models.build(name, file)
    return file


def bench_model(name: str, file: Path, asked: argparse.Namespace) -> list[dict[str, Any]]:
    """Every asked core's result for one model, JSON-able."""
    model = read_model(file)
    graph = model.subgraphs[0]
    shape = graph.tensors[graph.inputs[0]].shape[1:]
    size = int(np.prod(shape))
    # The first input is the one the figures of TensorFlow Lite Micro were counted with.
    counted = ((np.arange(size) * 37 + 11) % 256 - 128).astype(np.int8).reshape(1, *shape)
    random = np.random.default_rng(0).integers(-128, 128, (asked.inputs, *shape)).astype(np.int8)
    inputs = np.concatenate([counted, random])
    expected = run_reference(file, (inputs,))
    results = []
    for core in asked.core or CORES:
        code = compile_model(model, name, core, asked.optimize)
        result: dict[str, Any] = asdict(
            bench_mcu(code.files, name, core, (inputs,), expected, toolchain=asked.toolchain, optimize=asked.optimize)
        )
        result["layers"] = costs.layers_of(code, result["per_layer"])
        if core in COMPARED:
            result["choices"] = check_choices(model, name, core, inputs[:1], expected, asked, result["layers"])
        result |= {"macs": inspect_model(model).totals.macs}
        result |= {"model": name, "arena_lower_bound": getattr(code, "arena_lower_bound", None)}
        result |= {"weights_bytes": result["sizes"]["constants"], "tflm": published.TFLM.get(core, {}).get(name)}
        print(f"{name} {core}: {result['instructions']:,} instructions, {result['parity']}", file=sys.stderr)
        results.append(result)
    return results


def check_choices(
    model: Model,
    name: str,
    core: str,
    inputs: Array,
    expected: tuple[Array, ...],
    asked: argparse.Namespace,
    chosen: list[Result],
) -> list[Result]:
    """Count the second cheapest kernels too."""
    code = compile_model(model, name, core, asked.optimize, rank=1)
    counted = bench_mcu(code.files, name, core, (inputs,), expected, toolchain=asked.toolchain, optimize=asked.optimize)
    if counted.parity.differing:
        raise SystemExit(f"{name} on {core}: the second cheapest kernels give other outputs than the reference")
    return costs.choices_of(chosen, costs.layers_of(code, counted.per_layer))


if __name__ == "__main__":
    run_command(main)
