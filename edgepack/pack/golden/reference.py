"""Which runtime's reference kernels define a model's bits, and their outputs.

tflite-runtime's BUILTIN_REF is the definition. Where it is wrong, or has no kernel, TensorFlow Lite Micro's reference kernels
take its place (the interpreter that a microcontroller would have run), and LiteRT's after them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from edgepack.flatbuffer import Model
from edgepack.flatbuffer.model import Array, Operator, Subgraph
from edgepack.flatbuffer.rewrite.fix_shapes import fix_shapes
from edgepack.ground.errors import EdgepackError, ModelError, ToolError
from edgepack.runners import REFERENCE, run_model, run_reference
from edgepack.runners.tflm import TflmRun, run_tflm

MICRO = "tflite-micro"
"""TensorFlow Lite Micro's reference kernels."""

LITERT = "litert-ref"
"""LiteRT's reference kernels, for models that the other two refuse."""

PACKAGES = {REFERENCE: "tflite-runtime", MICRO: "tflite-micro", LITERT: "ai-edge-litert"}


def reference_outputs(
    model: Model, model_file: Path, inputs: Sequence[Array], engines: Sequence[str] = ()
) -> tuple[tuple[Array, ...], str, str]:
    """The exact outputs for `inputs` (one array an input, vectors first), the engine that made them and its version.

    `engines` are tried in their order; by default those that define the model's bits.

    The vectors are one sequence: a model with state keeps it from one to the next.

    Raises:
        ModelError: EP-280 to EP-283 when no engine runs the model: what the first of them says.
        ToolError: EP-680 or EP-690 when none is installed.
    """
    run: dict[str, Callable[[], tuple[Array, ...]]] = {
        REFERENCE: lambda: run_reference(model_file, inputs),
        MICRO: lambda: run_micro(model, model_file, inputs).outputs,
        LITERT: lambda: run_model(model_file, inputs, LITERT, sequence=True),
    }
    refusals: list[EdgepackError] = []
    for engine in engines or reference_engines(model):
        try:
            return run[engine](), engine, metadata.version(PACKAGES[engine])
        except (ModelError, ToolError) as error:  # some refuse an operator's types only when they run it
            refusals.append(error)
    # What an engine says of the model is worth more than that another is not installed.
    raise next((error for error in refusals if isinstance(error, ModelError)), refusals[0])


def run_micro(model: Model, model_file: Path, inputs: Sequence[Array]) -> TflmRun:
    """A run in TensorFlow Lite Micro of the model with its open shapes filled in: the interpreter computes none.

    Raises:
        ModelError: EP-283 when the interpreter refuses the model; ToolError: EP-690 when it is not installed.
    """
    with tempfile.TemporaryDirectory(prefix="edgepack-fixed-") as work:
        fixed = Path(work) / model_file.name
        fixed.write_bytes(fix_shapes(model_file.read_bytes(), model))
        return run_tflm(fixed, inputs, len(model.subgraphs[0].outputs))


def reference_engines(model: Model) -> tuple[str, ...]:
    """The engines that may define the model's bits, the best first."""
    found = tuple(_departures(model.subgraphs[0]))
    if not found and any(_pads_anyhow(model.subgraphs[0], operator) for operator in model.subgraphs[0].operators):
        return REFERENCE, LITERT, MICRO
    if "wrong" in found:
        return MICRO, LITERT
    return (MICRO, REFERENCE, LITERT) if found else (REFERENCE, MICRO, LITERT)


def _departures(graph: Subgraph) -> Iterator[str]:
    """Where tflite-runtime 2.14 is not the definition: "wrong" when its kernel is at fault, "int16" for int16 activations."""
    for operator in graph.operators:
        dtypes = {
            graph.tensors[index].dtype
            for index in (*operator.inputs, *operator.outputs)
            if index >= 0 and graph.tensors[index].data is None and not graph.tensors[index].is_variable
        }
        if "int8" in dtypes and _WRONG.get(operator.name, _never)(graph, operator):
            yield "wrong"
        elif "int16" in dtypes:
            yield "int16"


def _repeats_second(graph: Subgraph, operator: Operator) -> bool:
    """Whether the first operand is transposed and the second's matrices are repeated, which goes wrong there."""
    second, output = (graph.tensors[index].shape for index in (operator.inputs[1], operator.outputs[0]))
    batches = (1,) * (len(output) - len(second)) + second[:-2]
    return bool(operator.options.get("adj_x")) and batches != output[:-2]


def _scales_each_of_many(graph: Subgraph, operator: Operator) -> bool:
    """Whether the output has a scale for each unit and more than two dimensions: then only the first row is computed."""
    quantization = graph.tensors[operator.inputs[1]].quantization
    several = len(graph.tensors[operator.outputs[0]].shape) > 2
    return several and quantization is not None and quantization.per_channel


def _pads_anyhow(graph: Subgraph, operator: Operator) -> bool:
    """Whether TensorFlow Lite Micro pads with an arbitrary number: its SPACE_TO_BATCH_ND has no zero point."""
    if operator.name != "SPACE_TO_BATCH_ND" or len(operator.inputs) < 3:
        return False
    margins = graph.tensors[operator.inputs[2]].data
    return margins is None or bool(margins.any())


def _never(graph: Subgraph, operator: Operator) -> bool:
    return False


_WRONG: dict[str, Callable[[Subgraph, Operator], bool]] = {
    "SUM": lambda graph, operator: True,  # its elements are read as uint8
    "BATCH_MATMUL": _repeats_second,
    "FULLY_CONNECTED": _scales_each_of_many,
}
"""Where tflite-runtime 2.14 computes an int8 operator wrongly."""
