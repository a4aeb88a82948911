"""What of a changed model travels as a patch: `python benchmarks/delta/run.py MODEL.tflite …`.

Of each model changed versions are made: the last layer's weights drawn anew, as after training that layer alone; one weight in
a hundred a step up; every weight a step up or down; all weights drawn anew, as after another training. What a deployment to a
device with xz and Python sends of it: the patch of the version before, or the whole file as .xz where the patch is hardly
smaller. Writes results.md beside itself.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import bsdiff4
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from benchmarks.command import run_command  # noqa: E402
from edgepack.devices.packed import packed  # noqa: E402
from edgepack.flatbuffer import Model, read_model  # noqa: E402
from edgepack.flatbuffer.rewrite.objects import pack, unpack  # noqa: E402
from edgepack.flatbuffer.traits import traits_of  # noqa: E402
from edgepack.ground.scratch import scratch_folder  # noqa: E402
from edgepack.releases.delta import worth  # noqa: E402

Weights = NDArray[np.int8]
Change = Callable[[np.random.Generator, Weights], Weights]
HEAD = """| model | bytes | changed | whole, .xz | patch | sent | patch made in |
|---|---:|---|---:|---:|---|---:|
"""


def _anew(rng: np.random.Generator, values: Weights) -> Weights:
    return rng.permutation(values)


def _few(rng: np.random.Generator, values: Weights) -> Weights:
    return values + (rng.random(len(values)) < 0.01).astype(np.int8)


def _steps(rng: np.random.Generator, values: Weights) -> Weights:
    return values + rng.integers(-1, 2, len(values)).astype(np.int8)


CHANGES: tuple[tuple[str, Change, bool], ...] = (
    ("the last layer's weights anew", _anew, True),
    ("one weight in a hundred, a step", _few, False),
    ("every weight, a step or none", _steps, False),
    ("all weights anew", _anew, False),
)


def main() -> None:
    """Make the versions, their patches, and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.tflite")
    asked = parser.parse_args()
    rows = "".join(_row(file, *change) for file in asked.models for change in CHANGES)
    command = f"`python benchmarks/delta/run.py {' '.join(file.name for file in asked.models)}`"
    (HERE / "results.md").write_text(f"# What of a changed model travels\n\n{command}\n\n{HEAD}{rows}")
    print(rows, end="")


def _row(file: Path, name: str, change: Change, last: bool) -> str:
    before = file.read_bytes()
    after = _changed(before, change, last)
    start = time.perf_counter()
    patch = len(bsdiff4.diff(before, after))
    took = time.perf_counter() - start
    with scratch_folder() as folder:
        (folder / "after").write_bytes(after)
        small = packed(folder / "after", hashlib.sha256(after).hexdigest(), "xz")
    whole = len(after if small is None else small)
    sent = f"**patch, {patch / whole:.0%}**" if worth(patch, whole) else "whole"
    return f"| {file.stem} | {len(before):,} | {name} | {whole:,} | {patch:,} | {sent} | {took:.2f} s |\n"


def _changed(content: bytes, change: Change, last: bool) -> bytes:
    """The model with the int8 weights of its layers changed, or of its last layer alone."""
    model, objects = read_model(content), unpack(content)
    kernels = _kernels(model)
    rng = np.random.default_rng(0)
    for index in kernels[-1:] if last else kernels:
        buffer = objects.buffers[objects.subgraphs[0].tensors[index].buffer]
        buffer.data = change(rng, np.asarray(buffer.data, np.uint8).view(np.int8)).view(np.uint8)
    return pack(objects)


def _kernels(model: Model) -> Sequence[int]:
    """The int8 tensors of weights, in the order in which operators read them."""
    tensors = model.subgraphs[0].tensors
    places = [(operator, traits_of(operator.name).weights) for operator in model.subgraphs[0].operators]
    read = [operator.inputs[place] for operator, place in places if place >= 0]
    return [index for index in read if tensors[index].data is not None and tensors[index].dtype == "int8"]


if __name__ == "__main__":
    run_command(main)
