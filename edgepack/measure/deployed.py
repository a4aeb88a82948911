"""Everything measured of a deployed release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgepack.devices import Device, DeviceFacts
from edgepack.engines.types import GoldenCheck
from edgepack.ground.progress import Progress
from edgepack.measure.accuracy import device_metric
from edgepack.measure.latency import run_benchmark
from edgepack.measure.layers import LayerTimes, measure_layers, no_layers
from edgepack.measure.types import Measurement, Method
from edgepack.project import Target
from edgepack.releases.types import Deployment
from edgepack.remote.layout import Layout
from edgepack.remote.lock import DeviceLock

if TYPE_CHECKING:
    from edgepack.measure.mcu.emulated import McuResult
    from edgepack.metrics import Metric
    from edgepack.pack import Pack
    from edgepack.sources import Dataset

MEASURING_WAIT = 1800.0
"""Seconds to wait for another measurement on the same device to end."""


@dataclass(frozen=True)
class Measured:
    """Measurements of one model on one device; `latency_samples` are single inferences in seconds, in the order they ran.

    `layers` are the times of single layers, where they were asked for and could be told. On a microcontroller `result` holds what
    the emulator counted, and `facts` is None; elsewhere `result` is.
    """

    measurements: tuple[Measurement, ...]
    latency_samples: tuple[float, ...]
    warnings: tuple[str, ...]
    facts: DeviceFacts | None
    layers: LayerTimes | None = None
    result: McuResult | None = None


def measure(
    deployment: Deployment,
    device: Device,
    pack: Pack,
    data: Dataset | None,
    metric: Metric | None,
    baseline: float | None,
    target: Target,
    progress: Progress,
    per_layer: bool = False,
) -> Measured:
    """Size, parity, latency, memory and accuracy of the release that is current on `device`.

    Args:
        data: The data set whose test split is run on the device; None leaves accuracy out.
        metric: What the outputs are scored by.
        baseline: The float model's score on the same split; None leaves accuracy_drop out.
        per_layer: Whether to time each layer, too.

    Raises:
        DataError, DeviceError: the data does not fit the model, or the device fails.
    """
    method: Method = "stand-in" if device.stand_in else "hardware"
    found = [
        Measurement("model_size", float(pack.model.stat().st_size), "bytes", "file", pack.model.name),
        *parity(deployment.golden, method),
    ]
    facts = device.facts()
    place = Layout(deployment.root, deployment.name)
    layers: LayerTimes | None = None
    with DeviceLock(device, place.measuring, progress, wait=MEASURING_WAIT):
        benchmark = run_benchmark(device, deployment.runner, deployment.model, target, facts.cores, progress)
        found.extend(benchmark.measurements)
        if data is not None and metric is not None:
            value = device_metric(deployment, device, pack, data, metric, benchmark.median, progress)
            found.extend(_scores(value, metric, baseline, len(data.test), deployment, method))
        if per_layer:
            folder = deployment.model.rpartition("/")[0]
            layers = measure_layers(device, deployment.runner, folder, pack, target, benchmark.median, progress)
    warnings = (*benchmark.warnings, *((no_layers(deployment.engine),) if per_layer and layers is None else ()))
    return Measured(tuple(found), benchmark.samples, warnings, facts, layers)


def parity(golden: GoldenCheck, method: Method) -> tuple[Measurement, ...]:
    """How the device's outputs on the golden vectors compare with the reference kernels'."""
    detail = f"golden vectors on the device against the reference kernels; {golden.inputs_differing} of {golden.inputs} differ"
    conditions = {"engine": golden.engine, "inputs": golden.inputs}
    return (
        Measurement("golden_inputs_differing", float(golden.inputs_differing), "inputs", method, detail, conditions),
        Measurement("golden_max_difference", golden.max_difference, golden.unit, method, detail, conditions),
        Measurement("golden_answers_moved", float(golden.answers_moved), "inputs", method, detail, conditions),
    )


def _scores(
    value: float, metric: Metric, baseline: float | None, count: int, deployment: Deployment, method: Method
) -> list[Measurement]:
    engine = f"{deployment.runner.engine} {deployment.runner.engine_version}"
    conditions = {"metric": metric.name, "examples": count, "engine": engine}
    scores = [
        Measurement("accuracy", value, "", method, f"{metric.name} on {count} test examples, run on the device", conditions)
    ]
    if baseline is not None:
        drop = metric.drop(baseline, value)
        detail = f"{metric.name} {value:.4f} on the device, {baseline:.4f} of the float model"
        scores.append(Measurement("accuracy_drop", drop, "", method, detail, {**conditions, "baseline": baseline}))
    return scores
