"""What quantization costs at each layer: the quantized .tflite beside the float one, on real inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgepack.diagnosis.pairs import Pair, pair_operators
from edgepack.flatbuffer import Model, read_model
from edgepack.flatbuffer.traits import traits_of
from edgepack.flatbuffer.types import DTYPE_BITS
from edgepack.ground.errors import DataError, ModelError
from edgepack.ground.progress import Task
from edgepack.ground.scratch import scratch_folder
from edgepack.workers.worker import WorkerFailure, run_worker, save_arrays

_RECORDER = Path(__file__).with_name("record.py")
_CODED = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class LayerError:
    """How an operator's output in the quantized file differs from the float model's, over all examples.

    `sqnr` is the signal-to-quantization-noise ratio in decibels, 10 log10(sum f^2 / sum (q - f)^2); None when the two are equal.
    `noise` is its inverse as a ratio, `added` how much of it was not in the operator's inputs yet (its noise less the largest of
    theirs, at least 0): a small noise that a layer hands on is not its fault. `cosine` is the cosine similarity, `largest` the
    largest difference in the float model's unit, `steps` that in steps of the quantized output. `clipped` is the share of the
    float values outside of what the output's codes can say, `range_used` the share of that range the float values filled.
    """

    index: int
    layer: str
    operator: str
    sqnr: float | None
    noise: float
    added: float
    cosine: float
    largest: float
    steps: float | None
    clipped: float
    range_used: float | None


@dataclass(frozen=True)
class LayerErrors:
    """All operators compared, worst first by `added`; `examples` inputs were used. `alone` layers have no counterpart."""

    layers: tuple[LayerError, ...]
    examples: int
    alone: tuple[str, ...]


def compare_layers(quantized: Path, original: Path, inputs: Sequence[NDArray[Any]], task: Task) -> LayerErrors:
    """Run both files on the same examples and compare every operator's output.

    Args:
        quantized: A .tflite whose activations are integers (int8, uint8 or int16).
        original: The same network as a float .tflite; operators are found by their Keras layers.
        inputs: One array an input of the model, real values, (examples, *shape without the leading 1).

    Raises:
        ModelError: EP-285 when the files have no operator in common, EP-286 when the runtime cannot run one of them.
        DataError: EP-380 when the inputs do not fit.
    """
    models = read_model(quantized), read_model(original)
    pairs, alone = pair_operators(*models)
    if not pairs:
        raise ModelError(
            "EP-285",
            f"{quantized.name} and {original.name} have no layer in common",
            "give the float .tflite that was converted from the same Keras model",
        )
    for model in models:
        check_inputs(model, inputs)
    sums = _record(quantized, original, pairs, inputs, task)
    noises = {pair.quantized.outputs[0]: _ratio(found["noise"], found["signal"]) for pair, found in zip(pairs, sums, strict=True)}
    results = [_error(models[0], pair, found, noises) for pair, found in zip(pairs, sums, strict=True)]
    ranked = sorted(results, key=lambda item: (-item.added, item.index))
    return LayerErrors(tuple(ranked), len(inputs[0]), alone)


def check_inputs(model: Model, inputs: Sequence[NDArray[Any]]) -> None:
    """Raise EP-380 when examples do not have the shapes of a model's inputs, or there are none."""
    graph = model.subgraphs[0]
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    fits = len(shapes) == len(inputs) and all(
        math.prod(shape) == math.prod(array.shape[1:]) for shape, array in zip(shapes, inputs, strict=True)
    )
    if not fits or not len(inputs[0]):
        given = ", ".join("x".join(map(str, array.shape)) for array in inputs)
        wanted = ", ".join("x".join(map(str, shape)) for shape in shapes)
        raise DataError("EP-380", f"the model takes {wanted}, the data holds {given}", "give examples of the model's input shape")


def _record(
    quantized: Path, original: Path, pairs: Sequence[Pair], inputs: Sequence[NDArray[Any]], task: Task
) -> list[dict[str, float]]:
    with scratch_folder("edgepack-explain-") as name:
        folder = Path(name)
        job = {
            "quantized": str(quantized),
            "original": str(original),
            "inputs": save_arrays(folder, inputs),
            "count": len(inputs[0]),
            "tensors": [[pair.quantized.outputs[0], pair.original.outputs[0]] for pair in pairs],
        }

        def watch(line: str) -> None:
            if line.isdigit():
                task.update(int(line), len(inputs[0]), "comparing the layers' outputs")

        try:
            sums: list[dict[str, float]] = run_worker(_RECORDER, job, watch=watch)["sums"]
        except WorkerFailure as failure:
            raise ModelError(
                "EP-286",
                f"LiteRT cannot run {quantized.name} beside {original.name}: {failure.words[:300] or 'it crashed'}",
                "check both with `edgepack inspect`",
            ) from failure
        return sums


def _error(model: Model, pair: Pair, found: dict[str, float], noises: dict[int, float]) -> LayerError:
    noise = noises[pair.quantized.outputs[0]]
    before = max((noises.get(index, 0.0) for index in _sources(model, pair.quantized.inputs)), default=0.0)
    tensor = model.subgraphs[0].tensors[pair.quantized.outputs[0]]
    scale = tensor.quantization.scales[0] if tensor.quantization is not None and tensor.quantization.scales else None
    spread = found["high"] - found["low"]
    codes = 2 ** DTYPE_BITS[tensor.dtype] - 1 if tensor.dtype in _CODED else None
    length = math.sqrt(found["signal"] * found["coded"])
    return LayerError(
        index=pair.quantized.index,
        layer=pair.layer,
        operator=pair.name,
        sqnr=-10 * math.log10(noise) if noise > 0 else None,
        noise=noise,
        added=max(0.0, noise - before),
        cosine=found["product"] / length if length else 1.0,
        largest=found["largest"],
        steps=found["largest"] / scale if scale else None,
        clipped=found["clipped"] / found["values"] if found["values"] else 0.0,
        range_used=min(1.0, spread / (scale * codes)) if scale and codes else None,
    )


def _sources(model: Model, inputs: Sequence[int]) -> set[int]:
    """What `inputs` come from, seen through reshapes and requantizations, which are not compared."""
    graph = model.subgraphs[0]
    writer = {index: operator for operator in graph.operators for index in operator.outputs}
    found: set[int] = set()
    waiting = [index for index in inputs if index >= 0]
    while waiting:
        index = waiting.pop()
        if index in found:
            continue
        found.add(index)
        operator = writer.get(index)
        if operator is not None and traits_of(operator.name).keeps_values:
            waiting += [source for source in operator.inputs if source >= 0]
    return found


def _ratio(noise: float, signal: float) -> float:
    """Noise to signal; at most a thousand million, which is also what noise on a silent layer is."""
    return min(noise / signal, 1e9) if signal else (1e9 if noise else 0.0)
