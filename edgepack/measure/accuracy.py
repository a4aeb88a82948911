"""The metric on the whole test split, computed from outputs that the deployed model gave on the device."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.devices import Device
from edgepack.engines.call import call_runner
from edgepack.engines.errors import RunnerFailed
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.measure.inputs import provide_inputs, write_inputs
from edgepack.releases.types import Deployment
from edgepack.remote.layout import Layout
from edgepack.remote.script import run_script

if TYPE_CHECKING:
    from edgepack.metrics import Metric
    from edgepack.pack import GoldenTensor, Pack
    from edgepack.sources import Dataset

_CALL_SECONDS = 20.0  # a call's work: short enough to show progress, long against the start of a Python on a Pi
_LEAST = 16


def device_metric(
    deployment: Deployment, device: Device, pack: Pack, data: Dataset, metric: Metric, latency: float, progress: Progress
) -> float:
    """Run every test example on the device and compute the metric on the host.

    Args:
        latency: Seconds an inference takes about, for splitting the work into calls.

    Raises:
        DataError: EP-381 the data does not fit the model; DeviceError: as transfers and the runner do.
    """
    place = Layout(deployment.root, deployment.name)
    split = data.test
    with (
        scratch_folder("edgepack-test-") as name,
        progress.stage("Test set", f"{len(split)} examples") as task,
    ):
        files = write_inputs(Path(name), pack.golden.inputs, split.inputs)
        remote = provide_inputs(device, place, files, task)
        outputs = _run(deployment, device, place, pack, remote, len(split), latency, task, Path(name))
        value = metric.compute(outputs, split.labels, split.inputs)
        task.finish(f"{metric.name} {value:.4f}")
    return value


def _run(
    deployment: Deployment,
    device: Device,
    place: Layout,
    pack: Pack,
    inputs: list[str],
    count: int,
    latency: float,
    task: Any,
    folder: Path,
) -> tuple[NDArray[Any], ...]:
    """The model's outputs for all examples, dequantised: one array an output, (count, *shape without a leading 1)."""
    step = min(count, max(_LEAST, int(_CALL_SECONDS / max(latency, 1e-6))))
    token = secrets.token_hex(6)
    remote = [f"{place.folder}/data/output-{token}-{index}" for index in range(len(pack.golden.outputs))]
    parts: list[list[NDArray[Any]]] = [[] for _ in remote]
    try:
        for first in range(0, count, step):
            wanted = min(step, count - first)
            arguments = ["--first", str(first), "--count", str(wanted)]
            arguments += [word for path in inputs for word in ("--input", path)]
            arguments += [word for path in remote for word in ("--output", path)]
            timeout = deployment.runner.timeout + _CALL_SECONDS + 10 * latency * wanted
            call_runner(device, deployment.runner, "infer", deployment.model, arguments, timeout)
            for index, (path, tensor) in enumerate(zip(remote, pack.golden.outputs, strict=True)):
                parts[index].append(_fetch(device, path, folder, tensor, wanted))
            task.update(first + wanted, count, "on the device")
    finally:
        _remove(device, remote)
    return tuple(tensor.decode(np.concatenate(part)) for part, tensor in zip(parts, pack.golden.outputs, strict=True))


def _fetch(device: Device, path: str, folder: Path, tensor: GoldenTensor, count: int) -> NDArray[Any]:
    local = folder / "output.bin"
    dtype = np.dtype(tensor.dtype).newbyteorder("<")
    shape = tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape
    size = count * int(np.prod(shape, dtype=np.int64))
    device.get(path, local, size * dtype.itemsize)
    values = np.fromfile(local, dtype=dtype)
    if values.size != size:
        raise RunnerFailed("EP-517", f"{device.name}: the runner wrote {values.size} values of {tensor.name} only", "run again")
    return values.reshape((count, *shape))


def _remove(device: Device, paths: list[str]) -> None:
    with suppress(DeviceError):  # with the link gone, the next run removes them
        run_script(device, 'rm -f -- "$@"', paths, timeout=20.0)
