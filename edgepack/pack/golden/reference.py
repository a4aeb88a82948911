"""Which runtime's reference kernels define a model's bits, and their outputs.

tflite-runtime's BUILTIN_REF is the definition. Where it is wrong, or has no kernel, TensorFlow Lite Micro's reference kernels
take its place (the interpreter that a microcontroller would have run), and LiteRT's after them. A file that all of them refuse
is tried once more with lower operator versions, for the reference resolvers lag behind the kernels that they register.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

from edgepack.flatbuffer import Model, obstacle, uint8_model
from edgepack.flatbuffer.model import Array, Operator, Subgraph
from edgepack.flatbuffer.rewrite.fix_shapes import fix_shapes
from edgepack.flatbuffer.rewrite.lower_versions import lower_versions
from edgepack.ground.errors import EdgepackError, ModelError, ToolError
from edgepack.ground.scratch import scratch_folder
from edgepack.runners import REFERENCE, run_model, run_reference
from edgepack.runners.tflm import TflmRun, run_tflm

MICRO = "tflite-micro"
"""TensorFlow Lite Micro's reference kernels."""

LITERT = "litert-ref"
"""LiteRT's reference kernels, for models that the other two refuse."""

REGISTERED: dict[str, dict[str, tuple[int, int]]] = {
    REFERENCE: {
        "ABS": (3, 5), "ARG_MAX": (2, 3), "ARG_MIN": (2, 3), "CAST": (4, 5), "CONCATENATION": (3, 4), "DEPTH_TO_SPACE": (1, 2),
        "FILL": (3, 4), "PACK": (3, 4), "RANGE": (1, 2), "REVERSE_V2": (2, 3), "SELECT": (2, 4), "SELECT_V2": (1, 2),
        "SIGN": (1, 2), "SLICE": (5, 6), "SQUEEZE": (1, 2), "STRIDED_SLICE": (4, 8), "TILE": (2, 3), "TRANSPOSE": (5, 6),
        "TRANSPOSE_CONV": (3, 4),
    },
    LITERT: {
        "ABS": (3, 5), "ADD": (5, 6), "ARG_MAX": (2, 3), "ARG_MIN": (2, 3), "COS": (1, 2), "DEPTH_TO_SPACE": (1, 2),
        "GELU": (2, 3), "MUL": (7, 8), "RANGE": (1, 2), "SIN": (1, 2), "SOFTMAX": (3, 4), "SQUEEZE": (1, 2),
        "STRIDED_SLICE": (4, 8), "TILE": (2, 3), "TRANSPOSE": (8, 9),
    },
}  # fmt: skip
"""The highest version of an operator that a reference resolver knows, and the highest that the same package's other resolver
knows for the same kernel; a test asks the packages. Where the two share no code (int4 weights, hybrid types) it is left out."""

PACKAGES = {REFERENCE: "tflite-runtime", MICRO: "tflite-micro", LITERT: "ai-edge-litert"}


def reference_outputs(
    model: Model, model_file: Path, inputs: Sequence[Array], engines: Sequence[str] = ()
) -> tuple[tuple[Array, ...], str, str]:
    """The exact outputs for `inputs` (one array an input, vectors first), the engine that made them and its version.

    `engines` are tried in their order; by default those that define the model's bits.

    The vectors are one sequence: a model with state keeps it from one to the next.

    Raises:
        ModelError: EP-280 to EP-283 when no engine runs the model: what each of them says.
        ToolError: EP-680 or EP-690 when none is installed.
    """
    run: dict[str, Callable[[Path], tuple[Array, ...]]] = {
        REFERENCE: lambda file: run_reference(file, inputs),
        MICRO: lambda file: run_micro(model, file, inputs).outputs,
        LITERT: lambda file: run_model(file, inputs, LITERT, sequence=True),
    }
    wanted = engines or reference_engines(model)
    refusals: list[EdgepackError] = []
    with scratch_folder("edgepack-lowered-") as work:
        for engine, file in (*((engine, model_file) for engine in wanted), *_lowered(model_file, wanted, Path(work))):
            try:
                return run[engine](file), engine, metadata.version(PACKAGES[engine])
            except (ModelError, ToolError) as error:  # some refuse an operator's types only when they run it
                refusals.append(error)
    raise _none_runs(model, model_file, refusals)


def _lowered(model_file: Path, engines: Sequence[str], work: Path) -> Iterator[tuple[str, Path]]:
    """The engines that may take the model with lower operator versions, and that file."""
    data = model_file.read_bytes()
    for engine in engines:
        lowered = lower_versions(data, REGISTERED.get(engine, {}))
        if lowered != data:
            file = work / engine / model_file.name
            file.parent.mkdir()
            file.write_bytes(lowered)
            yield engine, file


def _none_runs(model: Model, model_file: Path, refusals: Sequence[EdgepackError]) -> EdgepackError:
    """What every engine says of the model; that another is not installed is worth less."""
    said = [error for error in refusals if isinstance(error, ModelError)]
    if not said:
        return refusals[0]
    reasons = "; ".join(dict.fromkeys(_short(str(error)).replace(f" {model_file.name}", " it") for error in said))
    found = obstacle(model)
    text = f"no reference runs {model_file.name}: {reasons}" + (f"; the model {found.what}" if found else "")
    return ModelError(said[0].code, text, found.instead if found else f"edgepack export --as c needs none; {said[0].hint}")


def _short(text: str) -> str:
    """Without the advice that TensorFlow Lite adds to each operator it does not know."""
    return text.split(". An older version of this builtin", 1)[0]


def run_micro(model: Model, model_file: Path, inputs: Sequence[Array]) -> TflmRun:
    """A run in TensorFlow Lite Micro of the model with its open shapes filled in: the interpreter computes none.

    Raises:
        ModelError: EP-283 when the interpreter refuses the model; ToolError: EP-690 when it is not installed.
    """
    with scratch_folder("edgepack-fixed-") as work:
        fixed = Path(work) / model_file.name
        fixed.write_bytes(fix_shapes(model_file.read_bytes(), model))
        try:
            return run_tflm(fixed, inputs, len(model.subgraphs[0].outputs))
        except ModelError as error:
            found = uint8_model(model)
            if found is None:
                raise
            hint = f'edgepack export --as c and runtime = "c" take it. {found.instead}'
            raise ModelError(error.code, f"{error}; the model {found.what}", hint) from error


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
