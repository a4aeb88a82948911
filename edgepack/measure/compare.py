"""Two models, or two engines, on one device: how much faster one is, and how sure that is.

The ratio is that of a group's block medians, B over A, averaged over the groups in the logarithm. Its interval is the
percentile bootstrap over the groups (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13): the groups
are the independent units, not the single inferences, whose times are correlated. The first run of each block is left out: it
meets caches that the other model filled.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.devices import Device, DeviceFacts
from edgepack.engines.choose import choose_runner
from edgepack.engines.golden import measure_golden
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.measure.bare_model import GOLDEN_SECONDS, remove_bench
from edgepack.measure.deployed import MEASURING_WAIT, parity
from edgepack.measure.disturbances import disturbances
from edgepack.measure.interleave import Taken, interleave
from edgepack.measure.types import Measurement, Method
from edgepack.project import Target
from edgepack.releases.release import release_files, send_folder
from edgepack.remote.layout import layout
from edgepack.remote.lock import DeviceLock

if TYPE_CHECKING:
    from edgepack.engines.types import Runner

RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Side:
    """One of the two: a model and how it ran. `blocks` holds every time, in seconds, block by block."""

    name: str
    engine: str
    threads: int
    measurements: tuple[Measurement, ...]
    blocks: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Comparison:
    """B's time as a multiple of A's: `ratio`, and `low` to `high`, its interval at 95 % confidence from `groups` groups."""

    first: Side
    second: Side
    ratio: float
    low: float
    high: float
    groups: int
    warnings: tuple[str, ...]
    facts: DeviceFacts

    @property
    def differ(self) -> bool:
        """Whether a difference was shown at all."""
        return not self.low <= 1 <= self.high


def compare(
    models: tuple[Path, Path], engines: tuple[str, str] | None, device: Device, target: Target, progress: Progress, seconds: float
) -> Comparison:
    """Measure two models, or one with two engines, in turns on `device`; what was sent for it is removed afterwards.

    Args:
        models: Two .tflite files, or the same twice.
        engines: An engine for each; None takes the target's for both.
        device, target, progress: As elsewhere.
        seconds: About how long the two shall take turns.

    Raises:
        ModelError, DeviceError: as `bench`.
    """
    from edgepack.pack import write_pack

    method: Method = "stand-in" if device.stand_in else "hardware"
    place = layout(device, "bench", target.device.root)
    facts = device.facts()
    with ExitStack() as stack:
        work = Path(stack.enter_context(scratch_folder("edgepack-bench-")))
        packs = []
        for index, model in enumerate(models):
            with progress.stage("Reference outputs", model.name):
                packs.append(write_pack(work / str(index), "bench", model))
        lock = stack.enter_context(DeviceLock(device, place.measuring, progress, wait=MEASURING_WAIT))
        stack.callback(remove_bench, device, place)
        folder = f"{place.bench}/{lock.token}"
        runners: list[Runner] = []
        parities: list[tuple[Measurement, ...]] = []
        for index, pack in enumerate(packs):
            files = {key: path for key, path in release_files(pack.folder).items() if key.startswith(("model.", "golden/"))}
            with progress.stage("Uploading", f"{models[index].name} to {device.name}") as task:
                send_folder(device, f"{folder}/{index}", files, task)
            wanted = target if engines is None else replace(target, device=replace(target.device, engine=engines[index]))
            runner = choose_runner(device, place, wanted, f"{folder}/{index}", pack, progress)
            golden = measure_golden(device, runner, f"{folder}/{index}", pack.folder / "golden", runner.timeout + GOLDEN_SECONDS)
            runners.append(runner)
            parities.append(parity(golden, method))
        with progress.stage("Comparing", f"in turns on {device.name}") as task:
            paths = (f"{folder}/0/model.tflite", f"{folder}/1/model.tflite")
            both = interleave(device, f"{folder}/pipes", (runners[0], runners[1]), paths, target.device.warmup, seconds)
            ratio, low, high = ratio_interval(both[0].blocks, both[1].blocks)
            groups = len(both[0].blocks) // 2
            task.finish(f"{groups} groups of four blocks")
    sides = [_side(models[i].name, models[i], runners[i], parities[i], both[i], method) for i in (0, 1)]
    warnings = _warnings(both, facts.cores)
    for warning in warnings:
        progress.warn(warning)
    return Comparison(sides[0], sides[1], ratio, low, high, groups, warnings, facts)


def ratio_interval(
    first: Sequence[Sequence[float]], second: Sequence[Sequence[float]], seed: int = 0
) -> tuple[float, float, float]:
    """B's time over A's with the ends of its interval, from the blocks of each in the order they ran, two a group."""
    medians = [np.log([statistics.median(block[1:] or block) for block in side]) for side in (first, second)]
    groups: NDArray[Any] = (medians[1] - medians[0]).reshape(-1, 2).mean(axis=1)
    picks = np.random.default_rng(seed).integers(0, len(groups), (RESAMPLES, len(groups)))
    means = groups[picks].mean(axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(np.exp(groups.mean())), float(np.exp(low)), float(np.exp(high))


def _side(name: str, model: Path, runner: Runner, golden: tuple[Measurement, ...], taken: Taken, method: Method) -> Side:
    times = sorted(sample for block in taken.blocks for sample in block[1:] or block)
    engine = f"{runner.engine} {runner.engine_version}"
    conditions = {"engine": engine, "threads": runner.threads, "runs": len(times)}
    result = taken.result
    cold = sum(float(result[key]) for key in ("import_time", "load_time", "first"))
    how = "one inference, in turns with the other"
    found = [
        Measurement("model_size", float(model.stat().st_size), "bytes", "file", name),
        *(
            Measurement(f"latency_p{share}", times[max(0, -(-len(times) * share // 100) - 1)], "s", method, how, conditions)
            for share in (50, 95, 99)
        ),
        Measurement("load_time", float(result["load_time"]), "s", method, "opening the model, allocating", conditions),
        Measurement("cold_start", cold, "s", method, "importing the runtime, opening, first run", conditions),
    ]
    if result["peak_memory"] is not None:
        detail = "resident memory of the whole process with its runtime"
        found.append(Measurement("peak_memory", float(result["peak_memory"]), "bytes", method, detail, conditions))
    return Side(name, engine, runner.threads, (*found, *golden), taken.blocks)


def _warnings(both: tuple[Taken, Taken], cores: int | None) -> tuple[str, ...]:
    """What disturbed the comparison as a whole: both processes are its own, everything else is somebody else's."""
    first, second = both[0].result, both[1].result
    own = first["after"]["own"] - first["before"]["own"] + second["after"]["own"]
    samples = [sample for taken in both for block in taken.blocks for sample in block[1:]]
    result = {
        "stable": first["stable"] and second["stable"],
        "samples": [],
        "runs": len(samples),
        "p50": 1.0,
        "p99": 1.0,
        "before": {**first["before"], "own": 0.0},
        "steady": first["steady"],
        "after": {**second["after"], "own": own, "preempted": first["steady"]["preempted"]},
        "during": [],
    }
    return tuple(disturbances(result, cores))
