"""Latency, memory and the conditions they were measured in, from the runner's benchmark on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgepack.deploy import Runner
from edgepack.deploy.call import call_runner
from edgepack.devices import Device
from edgepack.measure.types import Measurement, Method
from edgepack.progress import Progress
from edgepack.project import Target

_SECONDS = 30.0
_WARMUP_SECONDS = 10.0
_HOT = 80.0  # °C: a Pi lowers its clock from here on
_BUSY = 0.5  # load average per core before the benchmark that other programs must be causing
_CLOCK_CHANGE = 0.05

# vcgencmd get_throttled, from Raspberry Pi's documentation of vcgencmd; bits 16 to 19 say the same of the time since boot.
_THROTTLED = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's measurements, its single latencies in seconds, and what may have disturbed it."""

    measurements: tuple[Measurement, ...]
    samples: tuple[float, ...]
    warnings: tuple[str, ...]
    median: float


def run_benchmark(device: Device, runner: Runner, model: str, target: Target, cores: int | None, progress: Progress) -> Benchmark:
    """Time the model at path `model` on the device: random inputs, warm-up until stable, then the target's number of runs.

    Raises:
        DeviceError: EP-517 the runner fails, EP-508 it takes too long.
    """
    settings = target.device
    arguments = [
        "--runs", str(settings.runs), "--seconds", str(_SECONDS),
        "--warmup", str(settings.warmup), "--warmup-seconds", str(_WARMUP_SECONDS),
    ]  # fmt: skip
    timeout = runner.timeout + 2 * (_SECONDS + _WARMUP_SECONDS)
    with progress.stage("Latency", f"{runner.engine}, {runner.threads} thread{'s' if runner.threads > 1 else ''}") as task:
        result = call_runner(device, runner, "bench", model, arguments, timeout)
        task.finish(f"median {result['p50'] * 1e3:.3f} ms of {result['runs']} runs")
    return Benchmark(
        measurements=_measurements(result, runner, "stand-in" if device.stand_in else "hardware"),
        samples=tuple(result["samples"]),
        warnings=tuple(disturbances(result, cores)),
        median=float(result["p50"]),
    )


def _measurements(result: dict[str, Any], runner: Runner, method: Method) -> tuple[Measurement, ...]:
    conditions = {
        "engine": f"{runner.engine} {runner.engine_version}",
        "threads": runner.threads,
        "runs": result["runs"],
        "warmup_runs": result["warmup_runs"],
        **{key: value for key, value in (_state(result["after"])).items() if value not in (None, [], "")},
    }
    note = "; not the target's hardware" if method == "stand-in" else ""
    timed = [
        Measurement(f"latency_{name}", float(result[name]), "s", method, f"one inference, inputs already set{note}", conditions)
        for name in ("min", "p50", "p95", "p99", "mean", "max")
    ]
    first = Measurement(
        "latency_first", float(result["first"]), "s", method, f"the first inference after loading{note}", conditions
    )
    load = Measurement("load_time", float(result["load_time"]), "s", method, f"opening the model, allocating{note}", conditions)
    peak, before = result["peak_memory"], result["memory_before"]
    if peak is None:
        why = "the system does not tell a process's peak memory"
        return (*timed, first, load, Measurement("peak_memory", None, "bytes", method, why, conditions))
    share = "" if before is None else f", of which {before / 2**20:.1f} MiB before the model was opened"
    detail = f"resident memory of the whole process with Python{share}{note}"
    memory = [Measurement("peak_memory", float(peak), "bytes", method, detail, conditions)]
    if before is not None:
        detail = f"peak of the process less what it had before opening the model{note}"
        memory.append(Measurement("model_memory", float(peak - before), "bytes", method, detail, conditions))
    return (*timed, first, load, *memory)


def _state(conditions: dict[str, Any]) -> dict[str, Any]:
    frequencies = conditions["frequencies"]
    return {
        "temperature": conditions["temperature"],
        "frequency": max(frequencies) if frequencies else None,
        "governor": ", ".join(conditions["governors"]),
    }


def disturbances(result: dict[str, Any], cores: int | None) -> list[str]:
    """What may have made a benchmark's numbers wrong, in words."""
    before, after = result["before"], result["after"]
    found = []
    if not result["stable"]:
        found.append("the warm-up never became stable: the latencies drift")
    slow = [name for name in after["governors"] if name not in ("performance", "schedutil")]
    if slow:
        found.append(f"the CPU governor is {', '.join(slow)}, not performance: the clock may lag behind the load")
    for bit, meaning in _THROTTLED.items():
        if after["throttled"] is not None and after["throttled"] >> bit & 1:
            found.append(f"the device reports {meaning} now")
        elif after["throttled"] is not None and after["throttled"] >> (bit + 16) & 1:
            found.append(f"the device reports {meaning} since it was started")
    if after["temperature"] is not None and after["temperature"] >= _HOT:
        found.append(f"the processor is at {after['temperature']:.0f} °C, where many boards lower their clock")
    clocks = [max(state["frequencies"]) for state in (before, after) if state["frequencies"]]
    if len(clocks) == 2 and abs(clocks[1] - clocks[0]) > _CLOCK_CHANGE * max(clocks):
        found.append(f"the clock changed from {clocks[0] / 1e6:.0f} to {clocks[1] / 1e6:.0f} MHz during the benchmark")
    if before["load"] is not None and before["load"] > _BUSY * (cores or 1):
        found.append(f"other programs were running: load average {before['load']:.2f} on {cores or 1} cores before the benchmark")
    if result["p99"] > 2 * result["p50"]:
        found.append(f"one run in a hundred took {result['p99'] / result['p50']:.1f} times the median: something interrupts it")
    return found
