"""`edgepack.bench` and `edgepack.compare`: a model on a target, measured and not judged."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from edgepack.api.inputs import as_request
from edgepack.api.settings import File, Settings
from edgepack.ground.private import private_files
from edgepack.ground.progress import choose_progress
from edgepack.pipeline.bench import run_bench, run_compare
from edgepack.project import Target

if TYPE_CHECKING:
    from edgepack.measure import Measured
    from edgepack.measure.compare import Comparison


@private_files()
def bench(
    model: File,
    *,
    target: str | PathLike[str] | Target = "cortex-m4",
    settings: Settings = (),
    device: str | None = None,
    per_layer: bool = False,
    quiet: bool = False,
) -> Measured:
    """Measure a model's latency and memory on a target, and compare its outputs with the reference kernels'.

    Args:
        model: A .tflite, or a project folder, whose last deployed model it is.
        target, settings, device, per_layer, quiet: As for `edgepack.deploy`.

    Returns:
        What was measured: `measurements` are numbers with unit, method and conditions; on a microcontroller `result` holds
        instructions, estimated cycles, flash and RAM in bytes, and parity.

    Raises:
        ProjectError: EP-167 for a project that was not deployed yet.
        EdgepackError: What else kept it from being measured.
    """
    request = as_request(model, target=target, settings=settings, device=device, per_layer=per_layer)
    return run_bench(request, choose_progress(quiet))


@private_files()
def compare(
    first: File,
    second: File | None = None,
    *,
    engines: tuple[str, str] | None = None,
    target: str | PathLike[str] | Target = "rpi",
    settings: Settings = (),
    device: str | None = None,
    seconds: float = 10.0,
    quiet: bool = False,
) -> Comparison:
    """Measure two models, or one with two engines, in turns on one device: the ratio of their latencies with its 95 % interval.

    Args:
        first, second: .tflite files or project folders; without a second one, the first with each of the `engines`.
        engines: Two names of engines, the first model's and the second's.
        target, settings, device, quiet: As for `edgepack.deploy`; no microcontroller.
        seconds: How long the two take turns.

    Raises:
        ProjectError: EP-180 for a microcontroller.
        EdgepackError: What else kept them from being measured.
    """
    pair = (
        as_request(first, target=target, settings=settings, device=device),
        as_request(first if second is None else second, target=target, settings=settings, device=device),
    )
    return run_compare(pair, engines, choose_progress(quiet), seconds)
