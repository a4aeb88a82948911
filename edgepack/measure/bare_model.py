"""A model's latency, memory and parity on a target, with no project and nothing deployed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from edgepack.devices import Device
from edgepack.engines.choose import choose_runner
from edgepack.engines.golden import measure_golden
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.measure.deployed import MEASURING_WAIT, Measured, parity
from edgepack.measure.latency import run_benchmark
from edgepack.measure.layers import LayerTimes, measure_layers, no_layers
from edgepack.measure.types import Measurement, Method
from edgepack.project import Target
from edgepack.releases.release import release_files, send_folder
from edgepack.remote.layout import Layout, layout
from edgepack.remote.lock import DeviceLock
from edgepack.remote.script import run_script

GOLDEN_SECONDS = 120.0
"""Seconds that golden vectors may take beyond the target's time limit."""


def bench(model: Path, device: Device, target: Target, progress: Progress, per_layer: bool = False) -> Measured:
    """Measure the .tflite `model` on `device`; what was sent for it is removed afterwards.

    The file's hash is checked on the device, so no older file of its name can be measured, and its outputs on extreme and
    random inputs are compared with the reference kernels'. `per_layer` asks for the times of single layers, too.

    Raises:
        ModelError: the file is no model, or the reference refuses it.
        DeviceError: the device cannot be reached, has no runtime, or refuses the model.
    """
    from edgepack.pack import write_pack

    method: Method = "stand-in" if device.stand_in else "hardware"
    place = layout(device, "bench", target.device.root)
    facts = device.facts()
    found = [Measurement("model_size", float(model.stat().st_size), "bytes", "file", model.name)]
    layers: LayerTimes | None = None
    with scratch_folder("edgepack-bench-") as name:
        with progress.stage("Reference outputs", model.name):
            pack = write_pack(Path(name) / "pack", "bench", model)
        files = {key: path for key, path in release_files(pack.folder).items() if key.startswith(("model.", "golden/"))}
        with DeviceLock(device, place.measuring, progress, wait=MEASURING_WAIT) as lock:
            folder = f"{place.bench}/{lock.token}"
            try:
                with progress.stage("Uploading", device.name) as task:
                    send_folder(device, folder, files, task)
                runner = choose_runner(device, place, target, folder, pack, progress)
                timeout = target.device.timeout_s + GOLDEN_SECONDS
                found.extend(parity(measure_golden(device, runner, folder, pack.folder / "golden", timeout), method))
                benchmark = run_benchmark(device, runner, f"{folder}/model.tflite", target, facts.cores, progress)
                if per_layer:
                    layers = measure_layers(device, runner, folder, pack, target, benchmark.median, progress)
            finally:
                remove_bench(device, place)
    warnings = (*benchmark.warnings, *((no_layers(runner.engine),) if per_layer and layers is None else ()))
    for warning in warnings:
        progress.warn(warning)
    return Measured((*found, *benchmark.measurements), benchmark.samples, warnings, facts, layers)


def remove_bench(device: Device, place: Layout) -> None:
    """Remove everything below .bench: the lock is held, so what others left there is left over, too."""
    with suppress(DeviceError):
        run_script(device, 'rm -rf -- "$1"', [place.bench], timeout=60.0)
