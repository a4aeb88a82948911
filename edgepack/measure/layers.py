"""The time of each layer of an inference, where an engine tells it.

Engine `c` does: its program's profiling build reads a clock between the operators. It is a build of its own, so that the program
that ships and is timed has nothing of it; it must give the same bits, which its golden vectors show. TensorFlow Lite's C library
tells of its operators when it is asked to (engines `tflite-c` and `tflite-c-builtin`), and so does Google's benchmark_model.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.devices import Device
from edgepack.engines.call import call_runner
from edgepack.engines.errors import RunnerFailed
from edgepack.engines.golden import check_golden
from edgepack.engines.program import provide_program
from edgepack.engines.types import Runner
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import Progress
from edgepack.measure.benchmark_model import on_chosen_cpus, profile_tool, tool_file
from edgepack.measure.types import Method
from edgepack.project import Target
from edgepack.remote.layout import layout
from edgepack.remote.script import run_script
from edgepack.runners import RunnerFailure
from edgepack.runners.native import ENGINE, program_code
from edgepack.runners.tflite_c import ENGINES as LIBRARIES

if TYPE_CHECKING:
    from edgepack.pack import Pack

_SECONDS = 10.0
_WARMUP_SECONDS = 5.0
_GOLDEN_SECONDS = 120.0


@dataclass(frozen=True)
class LayerTime:
    """One layer: `seconds` in one inference and its `share` of all layers' times.

    `layer` is the Keras layer where it is known, `kind` the operator as the engine names it, `operator` its index in the .tflite,
    None where the engine has operators of its own.
    """

    layer: str
    kind: str
    operator: int | None
    seconds: float
    share: float


@dataclass(frozen=True)
class LayerTimes:
    """All layers in the order they ran, `how` they were measured, and the seconds of a whole inference.

    `total` is the sum of the layers, `covered` the share of all inferences' time that layers took (what else runs on a device
    interrupts layers in one inference and in another not, so that medians need not add up), `inference` the whole where the
    layers were timed, `undisturbed` the whole where not.
    """

    rows: tuple[LayerTime, ...]
    method: Method
    how: str
    total: float
    covered: float
    inference: float
    undisturbed: float


def no_layers(engine: str) -> str:
    """Why there are no times of layers."""
    return (
        f"no per-layer times: engine {engine} does not tell them through the interfaces used here; engine c (the generated C) and"
        " tflite-c do, and --target cortex-m4 counts instructions"
    )


def measure_layers(
    device: Device, runner: Runner, folder: str, pack: Pack, target: Target, undisturbed: float, progress: Progress
) -> LayerTimes | None:
    """Time each layer with what runs the model on the device, None where that does not tell.

    Args:
        device, target, progress: As elsewhere.
        runner: What runs the model there, unless the target names a benchmark_model.
        folder: The path on the device where model.tflite and golden/ of `pack` are.
        pack: The same on the host.
        undisturbed: Seconds of an inference whose layers are not timed.

    Raises:
        DeviceError: EP-527 when the profiling build's outputs are not the reference's; EP-517, EP-549 a program fails.
        CompileError, ToolError: it cannot be built.
    """
    found: _Found | None = None
    tool = tool_file(target, progress)
    if tool is not None:
        found = _of_tool(device, tool, f"{folder}/model.tflite", pack.model, target, progress)
    elif runner.engine == ENGINE:
        found = _of_program(device, folder, pack, target, progress)
    elif runner.engine in LIBRARIES:
        found = _of_library(device, runner, folder, pack.model, target, progress)
    if found is None:
        return None
    rows, how, covered, inference = found
    total = sum(seconds for *_, seconds in rows)
    return LayerTimes(
        rows=tuple(LayerTime(*row, share=row[-1] / total if total else 0.0) for row in rows),
        method="stand-in" if device.stand_in else "hardware",
        how=how,
        total=total,
        covered=covered,
        inference=inference,
        undisturbed=undisturbed,
    )


_Row = tuple[str, str, int | None, float]
_Found = tuple[list[_Row], str, float, float]  # the rows, how, covered, inference


def _of_program(device: Device, folder: str, pack: Pack, target: Target, progress: Progress) -> _Found:
    place = layout(device, "bench", target.device.root)
    provided = provide_program(device, place, pack.model, target, progress, layers=True)
    runner = on_chosen_cpus(provided, target, device)
    try:
        check_golden(device, runner, folder, pack.folder / "golden", runner.timeout + _GOLDEN_SECONDS)
        result = _timed(device, runner, folder, target, progress)
    finally:
        with suppress(DeviceError):  # unlike the program that ships, it is wanted once
            run_script(device, 'rm -rf -- "${1%/*}"', [provided.argv[0]], timeout=60.0)
    layers, told = program_code(pack.model, target.device.coding).layers, result["layers"]
    if [row["number"] for row in told] != [layer.index for layer in layers]:
        raise RunnerFailed(
            "EP-517", f"{device.name}: the program's layers are not the model's", "please report it with the model"
        )
    names = [name for name, _ in _operators(pack.model)]
    rows: list[_Row] = [
        (names[layer.operator], layer.op, layer.operator, float(row["p50"])) for layer, row in zip(layers, told, strict=True)
    ]
    reading = result["clock"] * 1e9
    how = (
        f"medians of {result['runs']} inferences of the generated C, which read its clock between the operators (each holds one"
        f" reading of it, {reading:.0f} ns)"
    )
    return rows, how, float(result["covered"]), float(result["p50"])


def _of_library(device: Device, runner: Runner, folder: str, model: Path, target: Target, progress: Progress) -> _Found | None:
    try:
        result = _timed(device, on_chosen_cpus(runner, target, device), folder, target, progress)
    except DeviceError as error:
        if isinstance(error.__cause__, RunnerFailure) and error.__cause__.kind == "runtime":
            return None  # a library that lacks the function
        raise
    rows = _named(model, ((row["name"], int(row["number"]), "", float(row["p50"])) for row in result["layers"]))
    delegated = any(operator is None for _, _, operator, _ in rows)
    parts = "; XNNPACK tells its own operators' times, in whole microseconds" if delegated else ""
    how = f"medians of {result['runs']} inferences, as TensorFlow Lite's library tells of its operators{parts}"
    return rows, how, float(result["covered"]), float(result["p50"])


def _timed(device: Device, runner: Runner, folder: str, target: Target, progress: Progress) -> dict[str, Any]:
    arguments = [
        "--runs", str(target.device.runs), "--seconds", str(_SECONDS),
        "--warmup", str(target.device.warmup), "--warmup-seconds", str(_WARMUP_SECONDS),
    ]  # fmt: skip
    with progress.stage("Layers", f"{runner.engine}, a clock read between the operators") as task:
        timeout = runner.timeout + 2 * (_SECONDS + _WARMUP_SECONDS)
        result = call_runner(device, runner, "layers", f"{folder}/model.tflite", arguments, timeout)
        task.finish(f"median {result['p50'] * 1e3:.3f} ms of {result['runs']} runs")
    return result


def _of_tool(device: Device, tool: Path, model: str, local: Path, target: Target, progress: Progress) -> _Found:
    place = layout(device, "bench", target.device.root)
    with progress.stage("Layers", "benchmark_model, a clock read between the operators") as task:
        found, nodes = profile_tool(device, place, tool, model, target, device.facts())
        task.finish(f"mean {found.mean * 1e3:.3f} ms of {found.runs} runs")
    rows = _named(local, ((node.kind, node.index, node.output, node.seconds) for node in nodes))
    how = f"means of {found.runs} inferences by benchmark_model --enable_op_profiling=true, delegate {target.device.delegate}"
    return rows, how, sum(seconds for *_, seconds in rows) / found.mean, found.mean


def _named(model: Path, told: Iterable[tuple[str, int | None, str, float]]) -> list[_Row]:
    """Rows from an operator's kind, its index if the engine tells one, its output's name if it tells that, and its seconds.

    An index counts when the model has that operator there: a delegate in the place of operators has one behind them.
    """
    from edgepack.flatbuffer.names import keras_layer

    operators = _operators(model)
    rows: list[_Row] = []
    for kind, index, output, seconds in told:
        if index is not None and 0 <= index < len(operators) and operators[index][1] == kind:
            rows.append((operators[index][0], kind, index, seconds))
        else:
            rows.append((keras_layer(output) if output else "", kind, None, seconds))
    return rows


def _operators(model: Path) -> list[tuple[str, str]]:
    """The Keras layer and the name of each operator of a .tflite."""
    from edgepack.flatbuffer import read_model
    from edgepack.flatbuffer.names import operator_layer, result_names

    read = read_model(model)
    graph, results = read.subgraphs[0], result_names(read)
    return [(operator_layer(graph, operator, results), operator.name) for operator in graph.operators]
