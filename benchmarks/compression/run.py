"""Train and measure the compression bars: `python benchmarks/compression/run.py [NAME …] [--data cifar10=FILE …]`.

Each bar of bars.toml runs a sample's recipe through the pipeline; what is judged is the int8 .tflite, run by LiteRT on the whole
test set, and its zeros, codes and multiply-accumulates as they are in the file. Writes results.json and results.md beside itself;
rows of bars that were not run stay. Finished steps come from the sample's cache, with the time they took when they were trained.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.bars import Bar, Row, arguments, build_bar, read_bars, run_bars  # noqa: E402
from benchmarks.command import run_command  # noqa: E402
from benchmarks.compression import table  # noqa: E402
from benchmarks.compression.weights import count  # noqa: E402
from edgepack.flatbuffer import inspect_model, read_model  # noqa: E402


def main() -> int:
    """Run the asked bars and write the results; 1 when one of them was missed."""
    return run_bars(HERE, arguments(__doc__, read_bars(HERE)), measure, table.line, table.render)


def measure(name: str, bar: Bar, data: dict[str, Path], asked: argparse.Namespace) -> Row:
    """One bar's row, JSON-able."""
    built = build_bar(bar, data.get(bar.get("data", "")), asked.models, asked.set)
    model = read_model(built.model)
    inspected, float_model = inspect_model(model), built.steps[0]
    assert built.baseline is not None and built.metric is not None and built.data is not None
    layers = count(model)
    row = {
        "name": name,
        "model": bar["model"],
        "class": bar["class"],
        "recipe": f"sample_models/{bar['project']}/{bar['recipe']}",
        "train_examples": len(built.data.train),
        "test_examples": len(built.data.test),
        "float": built.baseline,
        "int8": built.metric,
        "zeros": sum(layer["zeros"] for layer in layers) / sum(layer["weights"] for layer in layers),
        "codes": max(layer["codes"] for layer in layers),
        "layers": layers,
        "macs": inspected.totals.macs,
        "float_macs": float_model.macs,
        "parameters": inspected.totals.parameters,
        "float_parameters": float_model.parameters,
        "bytes": inspected.size_bytes,
        "deflated": built.steps[-1].deflated_bytes,
        "seconds": round(sum(step.seconds for step in built.steps[1:])),
        "steps": [{"label": step.label, "metric": step.metric, "seconds": step.seconds} for step in built.steps],
        "sha256": built.sha256,
        "scheme": built.scheme,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "bar": {key: bar[key] for key in ("accuracy", "drop", "zeros", "codes", "macs", "parameters") if key in bar},
    }
    return row | {"met": not table.missed(row), "missed": table.missed(row)}


if __name__ == "__main__":
    run_command(main)
