"""What a bar is measured on: the coded model's .tflite, the float model's plain int8, and a test set."""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bars import Bar, build_bar, build_plain, named_paths, open_model
from benchmarks.coding.made import without_blocks
from edgepack.flatbuffer import Model, inspect_model, read_model
from edgepack.metrics import Metric
from edgepack.runners import REFERENCE, dequantize, describe_model, quantize, run_model
from edgepack.sources import Dataset

Arrays = tuple[NDArray[Any], ...]
RANDOM = 64  # inputs of a model without data


@dataclass(frozen=True)
class Subject:
    """A model with the examples it is run on, in its own integers, and the outputs of the reference kernels.

    `name` is that of a file that was given, "" otherwise; `tensors` are the outputs as the runtime sees them. `data` and
    `scoring` are None for a model without data. `original` is the int8 model that was quantized without any training,
    `baseline` the metric of its float model, `parameters` and `folded` that model's numbers with batch normalization as Keras
    keeps it and folded into the kernels; of a model without a project they are its own.
    """

    name: str
    model: Model
    inputs: Arrays
    expected: Arrays
    data: Dataset | None
    scoring: Metric | None
    original: Model | None
    baseline: float | None
    parameters: int
    folded: int
    tensors: tuple[dict[str, Any], ...] = ()

    def metric(self, outputs: Arrays) -> float | None:
        """The metric of outputs in the model's integers."""
        if self.data is None or self.scoring is None:
            return None
        real = tuple(dequantize(array, *_scale(tensor)) for array, tensor in zip(outputs, self.tensors, strict=True))
        return self.scoring.compute(real, self.data.test.labels, self.data.test.inputs)


def subject_of(name: str, bar: Bar, data: Path | None, asked: argparse.Namespace) -> Subject:
    """A bar's subject: trained by its recipe, or the file given with `--model`, or a published model with structure put in."""
    if "made_of" in bar:
        return _made(bar, asked.models)
    given = named_paths(asked.model).get(name)
    built = open_model(bar, data, given) if given else build_bar(bar, data, asked.models, asked.set)
    plain = build_plain(bar, data, asked.models)
    assert built.data is not None
    described = describe_model(built.model)
    inputs = tuple(
        quantize(np.asarray(array), *_scale(tensor), tensor["dtype"])
        for array, tensor in zip(built.data.test.inputs, described["inputs"], strict=True)
    )
    return Subject(
        name=given.name if given else "",
        model=built.content,
        inputs=inputs,
        expected=run_model(built.model, inputs, REFERENCE),
        data=built.data,
        scoring=built.scoring,
        original=plain.content,
        baseline=plain.baseline,
        parameters=plain.steps[0].parameters,
        folded=plain.inspection.totals.parameters,
        tensors=tuple(described["outputs"]),
    )


def _made(bar: Bar, models: Path) -> Subject:
    """A published int8 model most of whose blocks of four weights are made zero: its outputs mean nothing."""
    contents = without_blocks((models / bar["made_of"]).read_bytes(), bar["zero_blocks"])
    model = read_model(contents)
    shape = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].shape[1:]
    inputs = (np.random.default_rng(0).integers(-128, 128, (RANDOM, *shape)).astype(np.int8),)
    with tempfile.TemporaryDirectory(prefix="edgepack-bars-") as work:
        file = Path(work) / "made.tflite"
        file.write_bytes(contents)
        expected = run_model(file, inputs, REFERENCE)
    parameters = inspect_model(model).totals.parameters
    return Subject("", model, inputs, expected, None, None, None, None, parameters, parameters)


def _scale(tensor: dict[str, Any]) -> tuple[float, int]:
    return (float(tensor["scales"][0]), int(tensor["zero_points"][0])) if tensor["scales"] else (0.0, 0)
