"""What benchmarks of trained models share: the bars of a bars.toml, models built from samples' recipes, results kept by row."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgepack.compress import check_recipe
from edgepack.ground.progress import choose_progress
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.given import Given
from edgepack.pipeline.request import Request, prepare
from edgepack.project import load_project
from edgepack.project.toml import read_toml

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("EDGEPACK_SHARED", str(ROOT.parent / "shared")))
MODELS = SHARED / "models"
Row = dict[str, Any]
Bar = Mapping[str, Any]
PLAIN = {"step": "quantize", "aware": False}


def arguments(description: str | None, bars: Mapping[str, Bar]) -> argparse.ArgumentParser:
    """The words that every benchmark with bars takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these bars: {', '.join(bars)}")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder with pretrainedResnet.h5 of MLPerf Tiny")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="data of the bars: cifar10=…, words=…")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as of `edgepack deploy`, for a trial")
    parser.add_argument("--print", action="store_true", help="print instead of writing the files")
    return parser


def read_bars(folder: Path) -> dict[str, Any]:
    """The tables of the folder's bars.toml."""
    return dict(read_toml(folder / "bars.toml", "bars").values)


def named_paths(words: Sequence[str]) -> dict[str, Path]:
    """Words of the form NAME=PATH."""
    return {name: Path(path) for name, _, path in (word.partition("=") for word in words)}


def data_paths(words: Sequence[str]) -> dict[str, Path]:
    """Where each data set lies: as `--data` says, or in the folder of shared material."""
    return {"cifar10": SHARED / "data", "words": SHARED / "data" / "asc_mfcc.npz"} | named_paths(words)


def run_bars(
    folder: Path,
    parser: argparse.ArgumentParser,
    measure: Callable[[str, Bar, dict[str, Path], argparse.Namespace], Row],
    line: Callable[[Row], str],
    render: Callable[[Sequence[Row]], str],
) -> int:
    """Measure the bars asked for; results.json and results.md in `folder` keep the rows of the others. 1 when one was missed."""
    bars, asked = read_bars(folder), parser.parse_args()
    unknown = [name for name in asked.names if name not in bars]
    if unknown:
        parser.error(f"no bar {unknown[0]!r}; there are {', '.join(bars)}")
    data = data_paths(asked.data)
    file = folder / "results.json"
    rows = json.loads(file.read_text()) if file.exists() else {}
    for name in asked.names or bars:
        rows[name] = measure(name, bars[name], data, asked)
        print(line(rows[name]), file=sys.stderr)
        if not asked.print:
            file.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n")
            (folder / "results.md").write_text(render([rows[bar] for bar in bars if bar in rows]))
    if asked.print:
        print(render([rows[bar] for bar in bars if bar in rows]))
    return 0 if all(rows[name]["met"] for name in asked.names or bars) else 1


def build_bar(bar: Bar, data: Path | None, models: Path, changes: Sequence[str] = ()) -> Built:
    """The recipe of a bar, run with `changes` (as of `--set`) on `data`, from the weights in the folder `models`."""
    changes = (f"recipe={bar['recipe']}", *bar.get("set", []), *changes)
    return _built(Request(project=_folder(bar), target="host", overrides=changes, data=data, weights=_weights(bar, models)))


def build_plain(bar: Bar, data: Path | None, models: Path) -> Built:
    """The model that a bar begins with, trained as its recipe trains it, quantized to int8 without any training more."""
    steps = load_project(_folder(bar), (f"recipe={bar['recipe']}",)).recipe
    training = [{"step": step.step, **step.options} for step in steps if step.step == "train"]
    given = Given(recipe=check_recipe(load_project(_folder(bar), (), [*training, PLAIN]).recipe))
    return _built(Request(project=_folder(bar), target="host", given=given, data=data, weights=_weights(bar, models)))


def open_model(bar: Bar, data: Path | None, file: Path) -> Built:
    """A ready .tflite in place of the one that a bar's recipe gives, run on the same data."""
    change = f"model.source={file.resolve()}"
    return _built(Request(project=_folder(bar), target="host", given=Given(recipe=()), overrides=(change,), data=data))


def _built(request: Request) -> Built:
    data = None if request.data is None else request.data.resolve()
    return build(prepare(replace(request, data=data)), choose_progress(False))


def _folder(bar: Bar) -> Path:
    return ROOT / "sample_models" / str(bar["project"])


def _weights(bar: Bar, models: Path) -> Path | None:
    return models / bar["weights"] if "weights" in bar else None
