"""Layers of a .tflite that compute the same for every input: a ReLU that never fires, a sigmoid at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from edgepack.diagnosis.layer_errors import check_inputs
from edgepack.flatbuffer import Operator, Subgraph, Tensor, operator_layer, read_model, result_names
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import Task
from edgepack.ground.scratch import scratch_folder
from edgepack.workers.worker import WorkerFailure, run_worker, save_arrays

_RECORDER = Path(__file__).with_name("record_still.py")
_WATCHED = frozenset({"int8", "uint8", "int16", "float32", "float16"})
_NAMED_AT_MOST = 6


@dataclass(frozen=True)
class StillLayers:
    """What was the same for all of `examples` inputs.

    `dead` are the Keras layers that give 0 everywhere, `constant` those that give other fixed values: of each chain the first
    one, which still reads something that moves. `output`: so do all outputs of the model.
    """

    dead: tuple[str, ...]
    constant: tuple[str, ...]
    output: bool
    examples: int

    @property
    def warnings(self) -> tuple[str, ...]:
        """In words, a line each."""
        lines = []
        if self.dead:
            lines.append(f"always 0 for each of {self.examples} examples: {_listed(self.dead, 'its activation never fires')}")
        if self.constant:
            lines.append(f"the same values for each of {self.examples} examples: {_listed(self.constant, 'it carries nothing')}")
        if self.output:
            lines.append(
                f"the model gives the same output for each of {self.examples} examples: check the scale of its inputs, and train "
                "it with a lower learning rate"
            )
        return tuple(lines)


def find_still_layers(file: Path, inputs: Sequence[NDArray[Any]], task: Task) -> StillLayers:
    """Run a .tflite on examples and find what never changes.

    Args:
        file: The .tflite; its kernels are LiteRT's, without XNNPACK.
        inputs: One array an input of the model, real values, (examples, *shape without the leading 1); two examples or more.

    Raises:
        ModelError: EP-286 when the runtime cannot run it; DataError: EP-380 when the inputs do not fit.
    """
    model = read_model(file)
    check_inputs(model, inputs)
    graph = model.subgraphs[0]
    operators = _watched(graph)
    tensors = [index for operator in operators for index in operator.outputs]
    moving, zero = _record(file, inputs, tensors, task)
    empty = {index for index in tensors if _is_empty(graph.tensors[index])}
    moving, zero = moving - empty, zero | empty
    names = result_names(model)
    by_layer: dict[str, list[Operator]] = {}
    for operator in operators:
        by_layer.setdefault(operator_layer(graph, operator, names), []).append(operator)
    dead: list[str] = []
    constant: list[str] = []
    for layer, parts in by_layer.items():
        made = [index for operator in parts for index in operator.outputs]
        if moving.isdisjoint(made) and any(index in moving or index in graph.inputs for part in parts for index in part.inputs):
            (dead if zero.issuperset(parts[-1].outputs) else constant).append(layer)
    ends = set(graph.outputs).intersection(tensors)
    return StillLayers(tuple(dead), tuple(constant), bool(ends) and moving.isdisjoint(ends), len(inputs[0]))


def _watched(graph: Subgraph) -> list[Operator]:
    """The operators whose results depend on the model's inputs, and are real numbers."""
    reached = set(graph.inputs)
    found = []
    for operator in graph.operators:
        if reached.isdisjoint(operator.inputs):
            continue
        reached.update(operator.outputs)
        if all(graph.tensors[index].dtype in _WATCHED for index in operator.outputs):
            found.append(operator)
    return found


def _is_empty(tensor: Tensor) -> bool:
    """Whether a quantized tensor was 0 in all of the calibration, for which the converter takes the range -1e-6 … 1e-6.

    With a scale so small the kernels' 32-bit arithmetic overflows, and the codes are noise of that size.
    """
    return tensor.quantization is not None and tensor.dtype in ("int8", "uint8") and tensor.quantization.scales[0] * 255 < 4e-6


def _record(file: Path, inputs: Sequence[NDArray[Any]], tensors: Sequence[int], task: Task) -> tuple[set[int], set[int]]:
    """The tensors that change, and those that are zero."""
    with scratch_folder("edgepack-still-") as name:
        count = len(inputs[0])
        job = {"model": str(file), "inputs": save_arrays(Path(name), inputs), "count": count, "tensors": list(tensors)}

        def watch(line: str) -> None:
            if line.isdigit():
                task.update(int(line), count, "looking for layers that never change")

        try:
            found: list[list[bool]] = run_worker(_RECORDER, job, watch=watch)["found"]
        except WorkerFailure as failure:
            raise ModelError(
                "EP-286",
                f"LiteRT cannot run {file.name}: {failure.words[:300] or 'it crashed'}",
                "check it with `edgepack inspect`",
            ) from failure
    pairs = list(zip(tensors, found, strict=True))
    return {index for index, (still, _) in pairs if not still}, {index for index, (_, zero) in pairs if zero}


def _listed(layers: Sequence[str], why: str) -> str:
    more = f" and {len(layers) - _NAMED_AT_MOST} more" if len(layers) > _NAMED_AT_MOST else ""
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(layers[:_NAMED_AT_MOST])}{more} ({why})"
