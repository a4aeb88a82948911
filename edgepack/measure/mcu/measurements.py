"""Measurements of generated C on an emulated core or an attached board, its metric on this machine, and what TFLM needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.boards.board_report import BoardRun
from edgepack.mcu.host import build_host, run_host
from edgepack.mcu.toolchain.program import ports_of
from edgepack.measure.inputs import check_fit
from edgepack.measure.mcu.attached import run_on_board
from edgepack.measure.mcu.emulated import McuResult, bench_mcu
from edgepack.measure.types import Measurement, Method
from edgepack.sources import blocks

if TYPE_CHECKING:
    from edgepack.metrics import Metric
    from edgepack.pack import Golden
    from edgepack.pack.deliveries.tflm.fit import TflmFit
    from edgepack.project import Target
    from edgepack.sources import Dataset

# Emulated instructions that comparing golden vectors may cost, and a generous guess of what one MAC takes.
_PARITY_INSTRUCTIONS, _A_MAC = 4e9, 12.0


@dataclass(frozen=True)
class McuMeasured:
    """Measurements of one model on one core, and what the emulator counted."""

    measurements: tuple[Measurement, ...]
    result: McuResult


def measure_mcu(
    files: Mapping[str, str],
    name: str,
    golden: Golden,
    macs: int,
    target: Target,
    progress: Progress,
) -> McuMeasured:
    """Build the C `files` of model `name` for the target's core, run its golden vectors there, and count.

    `macs` bounds how many golden vectors are run: all of them unless the model is so large that this would take minutes.

    Raises:
        CompileError, ToolError, DeviceError: the C does not build, a tool is missing, or it does not run.
    """
    device = target.device
    assert device.cpu is not None
    count = int(np.clip(_PARITY_INSTRUCTIONS / max(macs * _A_MAC, 1.0), 2, golden.count))
    with progress.stage("Running on the emulated core", f"{device.cpu}, {count} golden vectors") as task:
        result = bench_mcu(
            files,
            name,
            device.cpu,
            tuple(golden.values(tensor)[:count] for tensor in golden.inputs),
            tuple(golden.values(tensor)[:count] for tensor in golden.outputs),
            clock_hz=device.clock_hz,
            optimize=device.optimize,
            progress=progress,
        )
        differing = result.parity.differing
        task.finish(f"{result.instructions / 1e6:.2f} M instructions, {differing} of {result.parity.compared} vectors differ")
    return McuMeasured(mcu_measurements(result, target), result)


def measure_board(
    address: str, files: Mapping[str, str], name: str, golden: Golden, target: Target, progress: Progress
) -> tuple[tuple[Measurement, ...], BoardRun]:
    """Have an attached board ("serial:PORT" or "probe:TARGET") run the golden vectors and time them with its own counter.

    Raises:
        ProjectError, ToolError, DeviceError: no such board, a tool is missing, or the board does not answer as it should.
    """
    with progress.stage("Running on the board", address) as task:
        run = run_on_board(
            address,
            files,
            name,
            tuple(golden.values(tensor) for tensor in golden.inputs),
            tuple(golden.values(tensor) for tensor in golden.outputs),
            optimize=target.device.optimize,
            timeout_s=target.device.timeout_s,
            progress=progress,
        )
        task.finish(f"{run.differing} of {run.vectors} vectors differ")
    how = {"board": run.board, "core": run.cpu, "counter": run.counter, "clock_hz": run.clock_hz, "runs": run.runs}
    # A board that an emulator plays has a clock, but not the hardware's.
    method: Method = "stand-in" if run.emulated else "hardware"
    detail = f"{len(run.seconds)} inferences timed by {run.counter} at {run.clock_hz / 1e6:g} MHz"
    percentiles = (("latency_p50", 50), ("latency_p95", 95), ("latency_p99", 99))
    return (
        *(
            Measurement(quantity, float(np.percentile(run.seconds, share)), "s", method, detail, how)
            for quantity, share in percentiles
        ),
        Measurement("stack", float(run.stack_bytes), "bytes", method, "the deepest stack of one inference", how),
        Measurement("golden_inputs", float(run.vectors), "", method, "golden vectors run on the board", how),
        Measurement("golden_inputs_differing", float(run.differing), "", method, "compared bit for bit on the board", how),
        *(() if run.emulated else energy_estimate(target, float(np.median(run.seconds)), "the time the board measured", how)),
    ), run


def mcu_metric(files: Mapping[str, str], name: str, golden: Golden, data: Dataset, metric: Metric, progress: Progress) -> float:
    """The metric on the whole test split, from the same C compiled for this machine.

    Raises:
        DataError: EP-381 the data does not fit the model.
        CompileError, ToolError, DeviceError: the C does not build here, or it does not run.
    """
    check_fit(golden.inputs, data.test.inputs)
    count = len(data.test)
    with (
        progress.stage("Test set", f"{count} examples, the same C on this machine") as task,
        scratch_folder("edgepack-host-") as work,
    ):
        ports = [ports_of(tuple(golden.values(tensor) for tensor in tensors)) for tensors in (golden.inputs, golden.outputs)]
        program = build_host(files, name, ports[0], ports[1], Path(work))
        parts: list[list[NDArray[Any]]] = [[] for _ in golden.outputs]
        for rows in blocks(max(data.test.inputs, key=lambda array: array.nbytes)):
            given = [
                tensor.encode(np.asarray(array[rows])) for tensor, array in zip(golden.inputs, data.test.inputs, strict=True)
            ]
            size = len(given[0])
            for part, tensor, array in zip(parts, golden.outputs, run_host(program, given, independent=True), strict=True):
                part.append(tensor.decode(array.reshape((size, *tensor.vector_shape))))
            task.update(rows.stop, count)
        outputs = tuple(np.concatenate(part) for part in parts)
        value = metric.compute(outputs, data.test.labels, data.test.inputs)
        task.finish(f"{metric.name} {value:.4f}")
    return value


def tflm_measurements(model: Path, fit: TflmFit) -> tuple[Measurement, ...]:
    """A model's size, its arena and its parity in TensorFlow Lite Micro's interpreter on this machine."""
    detail = (
        f"{fit.arena:,} bytes allocated on this 64-bit machine, {fit.margin:,} for CMSIS-NN's scratch; globals and stack apart"
    )
    return (
        Measurement("model_size", float(model.stat().st_size), "bytes", "file", model.name),
        Measurement("ram", float(fit.arena_size), "bytes", "estimate", detail),
        Measurement("golden_inputs", float(fit.compared), "", "host", "golden vectors run in the interpreter"),
        Measurement("golden_inputs_differing", float(fit.differing), "", "host", "compared byte for byte with the reference"),
    )


def metric_measurements(
    value: float, metric: Metric, baseline: float | None, count: int, engine: str = "generated C"
) -> tuple[Measurement, ...]:
    """Accuracy as `engine` computes it on this machine, and its drop against the float model where that is known."""
    conditions = {"metric": metric.name, "examples": count, "engine": engine}
    how = f"{metric.name} on {count} test examples, {engine} on this machine"
    scores = [Measurement("accuracy", value, "", "host", how, conditions)]
    if baseline is not None:
        drop = metric.drop(baseline, value)
        detail = f"{metric.name} {value:.4f} of {engine}, {baseline:.4f} of the float model"
        scores.append(Measurement("accuracy_drop", drop, "", "host", detail, {**conditions, "baseline": baseline}))
    return tuple(scores)


def mcu_measurements(result: McuResult, target: Target) -> tuple[Measurement, ...]:
    """What an emulated run says, as the measurements that budgets are judged by."""
    how = {"core": result.cpu, "tools": result.method}
    basis = f"{result.cycles_basis}; {result.cycles_error}"
    found = [
        Measurement("instructions", float(result.instructions), "", "emulated", "executed in one inference", how),
        Measurement("cycles_estimated", float(result.cycles_estimated), "", "estimate", basis, how),
        Measurement("flash", float(result.flash_bytes), "bytes", "file", "code and constants of the linked program", how),
        Measurement("arena", float(result.arena_bytes), "bytes", "file", "the caller's memory, as the header says", how),
        Measurement("stack", float(result.stack_bytes), "bytes", "emulated", "the deepest stack of one inference", how),
        Measurement(
            "ram",
            float(result.ram_bytes + result.stack_bytes),
            "bytes",
            "emulated",
            f"arena and globals {result.ram_bytes:,} bytes, deepest stack {result.stack_bytes:,} bytes",
            how,
        ),
        Measurement("golden_inputs", float(result.parity.compared), "", "emulated", "golden vectors run on the core", how),
        Measurement(
            "golden_inputs_differing", float(result.parity.differing), "", "emulated", "compared bit for bit on the core", how
        ),
    ]
    if result.ms is not None:
        clock = {**how, "clock_hz": result.clock_hz, "error": result.cycles_error}
        detail = f"estimated cycles at the profile's clock; {result.cycles_error}"
        # The core's time does not depend on the input's values in any way the estimate could see: one figure for all.
        for quantity in ("latency_p50", "latency_p95", "latency_p99"):
            found.append(Measurement(quantity, result.ms / 1000, "s", "estimate", detail, clock))
        found.extend(energy_estimate(target, result.ms / 1000, "the estimated time", clock))
    return tuple(found)


def energy_estimate(target: Target, seconds: float, what: str, how: dict[str, Any]) -> tuple[Measurement, ...]:
    """Energy from the profile's supply and the `seconds` of an inference: an estimate, whatever the time's origin."""
    device = target.device
    if device.current_ma is None or device.voltage_v is None:
        return ()
    detail = f"{device.current_ma:g} mA at {device.voltage_v:g} V, as the profile says, for {what}"
    return (Measurement("energy", device.current_ma / 1000 * device.voltage_v * seconds, "J", "estimate", detail, how),)
