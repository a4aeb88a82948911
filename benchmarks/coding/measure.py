"""One bar's row: accuracy of the C that decodes, flash, instructions, memory, and how near codes come to their bound."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, Row
from benchmarks.coding.bound import tensors_of
from benchmarks.coding.demands import missed
from benchmarks.coding.program import OnCore, on_core, on_host
from benchmarks.coding.subject import Subject, subject_of
from benchmarks.coding.unstructured import unstructured
from benchmarks.compression.weights import count

CORE, OPTIMIZE = "cortex-m4", "balanced"
EXAMPLES = 5  # run on the emulated core
FLOAT = 4  # bytes
DEMANDS = ("accuracy", "drop", "times", "dense", "original", "smaller", "faster")


def measure(name: str, bar: Bar, data: dict[str, Path], asked: argparse.Namespace) -> Row:
    """One bar's row, JSON-able."""
    if "unstructured" in bar:
        row = unstructured(name, bar, asked.models)
    else:
        subject = subject_of(name, bar, data.get(bar.get("data", "")), asked)
        row = row_of(name, bar, subject)
    failed = missed(row)
    return row | {"met": not failed, "missed": failed}


def row_of(name: str, bar: Bar, subject: Subject) -> Row:
    """The row of a subject."""
    inputs, expected = (tuple(array[:EXAMPLES] for array in arrays) for arrays in (subject.inputs, subject.expected))
    optimize, coding = bar.get("optimize", OPTIMIZE), bar.get("coding", "auto")
    runs = {
        word: on_core(subject.model, CORE, optimize, word, inputs, expected) for word in (coding, "off", *bar.get("beside", []))
    }
    coded, off = runs[coding], runs["off"]
    outputs, differing, seconds = on_host(coded.code, subject.inputs, subject.expected)
    print(f"{name}: {len(subject.inputs[0]):,} examples by the C on this machine in {seconds:.0f} s", file=sys.stderr)
    original = None if subject.original is None else on_core(subject.original, CORE, optimize, "off", inputs, None)
    layers = count(subject.model)
    return {
        "name": name,
        "model": bar["model"],
        "class": bar["class"],
        "recipe": f"sample_models/{bar['project']}/{bar['recipe']}" if "recipe" in bar and not subject.name else "",
        "file": subject.name,
        "sha256": subject.model.sha256,
        "core": CORE,
        "tools": coded.result.method,
        "coding": coding,
        "metric": subject.metric(outputs),
        "float": subject.baseline,
        "examples": len(subject.inputs[0]),
        "differing": differing,
        "zeros": sum(layer["zeros"] for layer in layers) / sum(layer["weights"] for layer in layers),
        "float_bytes": FLOAT * subject.parameters,
        "folded_bytes": FLOAT * subject.folded,
        "runs": {word: run.figures for word, run in runs.items()},
        "original": None if original is None else original.figures,
        "tensors": tensors_of(coded.code),
        "layers": decoding_of(coded, off),
        "expected": round(sum(array.instructions for layer in coded.code.layers for array in layer.coded)),
        **memory_of(coded, off),
        "bar": {key: value for key, value in bar.items() if key in DEMANDS},
    }


def memory_of(coded: OnCore, off: OnCore) -> dict[str, int]:
    """What decoding adds to the arena, and the bytes of four filters as they lie there."""
    pairs = [(layer, one) for layer in coded.code.layers for one in layer.considered if one.coded]
    filters = [one.array.data.nbytes // layer.output_shape[-1] for layer, one in pairs]
    return {"grown": coded.code.arena_size - off.code.arena_size, "four_filters": 4 * max(filters, default=0)}


def decoding_of(coded: OnCore, off: OnCore) -> list[dict[str, Any]]:
    """Each layer that decodes: instructions that it has more than without coding, as expected and as counted."""
    counted = [
        {int(title.split()[0]): each for title, each in run.result.per_layer.items() if title[0].isdigit()}
        for run in (coded, off)
    ]
    pairs = zip(coded.code.layers, off.code.layers, strict=True)
    return [
        {
            "layer": now.layer,
            "op": now.op,
            "codes": [array.code for array in now.coded],
            "expected": round(now.predicted - before.predicted),
            "counted": counted[0][now.index] - counted[1][before.index],
        }
        for now, before in pairs
        if now.coded
    ]
