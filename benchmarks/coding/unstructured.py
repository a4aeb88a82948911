"""Models without structure: coding that chooses for itself must not touch them, whatever the core."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bars import Bar, Row
from benchmarks.coding.program import NAME, on_core
from edgepack.compile import compile_model
from edgepack.flatbuffer import Model, read_model

CORES = ("cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")


def unstructured(name: str, bar: Bar, models: Path) -> Row:
    """The row of several models on several cores: coding "auto" against "off"."""
    cores = [_compared(file, read_model(models / file), core) for file in bar["unstructured"] for core in CORES]
    return {"name": name, "model": bar["model"], "class": bar["class"], "cores": cores}


def _compared(file: str, model: Model, core: str) -> dict[str, Any]:
    """Whether coding makes a model larger or slower; the same C is neither, and is not run."""
    off, auto = (compile_model(model, NAME, core, coding=word) for word in ("off", "auto"))
    row = {"model": file.removesuffix(".tflite"), "core": core, "same": off.files == auto.files}
    print(f"{row['model']} on {core}: {'the same C' if row['same'] else 'other C'}", file=sys.stderr)
    if row["same"]:
        return row | {"larger": 0, "slower": 0}
    shape = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape[1:]
    inputs = (np.random.default_rng(0).integers(-128, 128, (1, *shape)).astype(np.int8),)
    before, after = (on_core(model, core, "balanced", word, inputs, None).result for word in ("off", "auto"))
    larger, slower = after.flash_bytes - before.flash_bytes, after.instructions - before.instructions
    return row | {"larger": max(0, larger), "slower": max(0, slower)}
