"""Latency, memory and the conditions they were measured in, from the runner's benchmark on the device."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.devices import Device
from edgepack.engines.call import call_runner
from edgepack.engines.types import Runner
from edgepack.ground.progress import Progress
from edgepack.measure.benchmark_model import on_chosen_cpus, run_tool, tool_file, tool_measurements
from edgepack.measure.disturbances import disturbances
from edgepack.measure.energy import energy_measurements
from edgepack.measure.types import Measurement, Method
from edgepack.project import Target
from edgepack.remote.layout import layout

_SECONDS = 30.0
_WARMUP_SECONDS = 10.0
_POWER_SECONDS = 40.0  # the longest idle and steady windows of a power sensor, and some for starting


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
    tool = tool_file(target, progress)
    if tool is not None:
        return _with_tool(device, tool, model, target, progress)
    runner = on_chosen_cpus(runner, target, device)
    arguments = [
        "--runs", str(settings.runs), "--seconds", str(_SECONDS),
        "--warmup", str(settings.warmup), "--warmup-seconds", str(_WARMUP_SECONDS), "--power", settings.power,
    ]  # fmt: skip
    timeout = runner.timeout + 2 * (_SECONDS + _WARMUP_SECONDS) + _POWER_SECONDS
    with progress.stage("Latency", f"{runner.engine}, {runner.threads} thread{'s' if runner.threads > 1 else ''}") as task:
        result = call_runner(device, runner, "bench", model, arguments, timeout)
        task.finish(f"median {result['p50'] * 1e3:.3f} ms of {result['runs']} runs")
    return Benchmark(
        measurements=_measurements(result, runner, target, "stand-in" if device.stand_in else "hardware"),
        samples=tuple(result["samples"]),
        warnings=tuple(disturbances(result, cores)),
        median=float(result["p50"]),
    )


def _with_tool(device: Device, tool: Path, model: str, target: Target, progress: Progress) -> Benchmark:
    """The same by Google's benchmark_model, which tells no single runs."""
    with progress.stage("Latency", f"benchmark_model, delegate {target.device.delegate}") as task:
        found = run_tool(device, layout(device, "bench", target.device.root), tool, model, target, device.facts())
        task.finish(f"mean {found.mean * 1e3:.3f} ms of {found.runs} runs")
    return Benchmark(
        measurements=tool_measurements(found, target, "stand-in" if device.stand_in else "hardware"),
        samples=(),
        warnings=(),
        median=found.median or found.mean,
    )


def _measurements(result: dict[str, Any], runner: Runner, target: Target, method: Method) -> tuple[Measurement, ...]:
    conditions = {
        "engine": f"{runner.engine} {runner.engine_version}",
        "threads": runner.threads,
        "runs": result["runs"],
        "warmup_runs": result["warmup_runs"],
        **({"cpus": target.device.cpus} if target.device.cpus else {}),
        **{key: value for key, value in (_state(result["after"])).items() if value not in (None, [], "")},
    }
    note = "; not the target's hardware" if method == "stand-in" else ""
    timed = [
        Measurement(f"latency_{name}", float(result[name]), "s", method, f"one inference, inputs already set{note}", conditions)
        for name in ("min", "p50", "p95", "p99", "mean", "max")
    ]
    outliers = _outliers(result["samples"])
    cold = [float(result.get(name, 0.0)) for name in ("import_time", "load_time", "first")]
    once = [
        Measurement("latency_outliers", float(len(outliers)), "runs", method, _outlier_text(outliers, result), conditions),
        Measurement("latency_first", cold[2], "s", method, f"the first inference after loading{note}", conditions),
        Measurement("load_time", cold[1], "s", method, f"opening the model, allocating{note}", conditions),
        Measurement(
            "cold_start", sum(cold), "s", method, f"importing the runtime {cold[0]:.3f} s, opening, first run{note}", conditions
        ),
    ]
    return (*timed, *once, *_memory(result, method, note, conditions), *energy_measurements(result, target, method, conditions))


def _outliers(samples: list[float]) -> list[float]:
    """Samples far above the rest: over the median by five times the scaled median absolute deviation, and by a fifth.

    The scale of 1.4826 makes the deviation that of a normal distribution (Iglewicz and Hoaglin 1993).
    """
    median = statistics.median(samples)
    deviation = 1.4826 * statistics.median(abs(sample - median) for sample in samples)
    return sorted(sample for sample in samples if sample > max(median + 5 * deviation, 1.2 * median))


def _outlier_text(outliers: list[float], result: dict[str, Any]) -> str:
    if not outliers:
        return f"none of {result['runs']} runs stands out"
    worst = outliers[-1]
    return f"of {result['runs']}, kept in every figure; the slowest took {worst / result['p50']:.1f} times the median"


def _memory(result: dict[str, Any], method: Method, note: str, conditions: dict[str, Any]) -> list[Measurement]:
    peak, before = result["peak_memory"], result["memory_before"]
    if peak is None:
        why = "the system does not tell a process's peak memory"
        return [Measurement("peak_memory", None, "bytes", method, why, conditions)]
    share = "" if before is None else f", of which {before / 2**20:.1f} MiB before the model was opened"
    detail = f"resident memory of the whole process with its runtime{share}{note}"
    memory = [Measurement("peak_memory", float(peak), "bytes", method, detail, conditions)]
    if before is not None:
        detail = f"peak of the process less what it had before opening the model{note}"
        memory.append(Measurement("model_memory", float(peak - before), "bytes", method, detail, conditions))
    return memory


def _state(conditions: dict[str, Any]) -> dict[str, Any]:
    frequencies = conditions["frequencies"]
    return {
        "temperature": conditions["temperature"],
        "frequency": max(frequencies) if frequencies else None,
        "governor": ", ".join(conditions["governors"]),
    }
