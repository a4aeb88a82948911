"""Train and measure the compression bars: `python benchmarks/compression/run.py [NAME …] [--data cifar10=FILE …]`.

Each bar of bars.toml runs a sample's recipe through the pipeline; what is judged is the int8 .tflite, run by LiteRT on the whole
test set, and its zeros, codes and multiply-accumulates as they are in the file. Writes results.json and results.md beside itself;
rows of bars that were not run stay. Finished steps come from the sample's cache, with the time they took when they were trained.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.command import run_command  # noqa: E402
from benchmarks.compression import table  # noqa: E402
from benchmarks.compression.weights import count  # noqa: E402
from edgepack.flatbuffer import inspect_model, read_model  # noqa: E402
from edgepack.ground.progress import choose_progress  # noqa: E402
from edgepack.pipeline.build import Built, build  # noqa: E402
from edgepack.pipeline.request import Request, prepare  # noqa: E402
from edgepack.project.toml import read_toml  # noqa: E402


def main() -> int:
    """Run the asked bars and write the results; 1 when one of them was missed."""
    bars = read_toml(HERE / "bars.toml", "bars").values
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these bars: {', '.join(bars)}")
    shared = Path(os.environ.get("EDGEPACK_SHARED", str(ROOT.parent / "shared")))
    parser.add_argument("--models", type=Path, default=shared / "models", help="folder with pretrainedResnet.h5 of MLPerf Tiny")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="data of the bars: cifar10=…, words=…")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `edgepack deploy`, for a trial")
    parser.add_argument("--print", action="store_true", help="print instead of writing the files")
    asked = parser.parse_args()
    unknown = [name for name in asked.names if name not in bars]
    if unknown:
        parser.error(f"no bar {unknown[0]!r}; there are {', '.join(bars)}")
    data = {"cifar10": shared / "data", "words": shared / "data" / "asc_mfcc.npz"}
    data |= {name: Path(path) for name, _, path in (text.partition("=") for text in asked.data)}
    file = HERE / "results.json"
    rows = json.loads(file.read_text()) if file.exists() else {}
    for name in asked.names or bars:
        rows[name] = measure(name, bars[name], data, asked)
        print(table.line(rows[name]), file=sys.stderr)
        if not asked.print:
            file.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
            (HERE / "results.md").write_text(table.render([rows[bar] for bar in bars if bar in rows]))
    if asked.print:
        print(table.render([rows[bar] for bar in bars if bar in rows]))
    return 0 if all(rows[name]["met"] for name in asked.names or bars) else 1


def build_bar(bar: dict[str, Any], data: Path | None, models: Path, changes: Sequence[str] = ()) -> Built:
    """The recipe of a bar, run with `changes` (as of `--set`) on `data`, from the weights in the folder `models`."""
    plan = prepare(
        Request(
            project=ROOT / "sample_models" / bar["project"],
            target="host",
            overrides=(f"recipe={bar['recipe']}", *bar.get("set", []), *changes),
            data=data.resolve() if data else None,
            weights=models / bar["weights"] if "weights" in bar else None,
        )
    )
    return build(plan, choose_progress(False))


def measure(name: str, bar: dict[str, Any], data: dict[str, Path], asked: argparse.Namespace) -> dict[str, Any]:
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
