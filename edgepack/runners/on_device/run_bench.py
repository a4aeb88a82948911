"""Timing inferences: warm-up until stable, every single time kept, blocks on request for comparisons. A part of run.py."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any, Callable  # noqa: UP035 (Python 3.9)

run_conditions: Any = importlib.import_module("run_conditions")
run_energy: Any = importlib.import_module("run_energy")

WINDOW = 10  # runs whose median is compared with that of the runs before
STABLE = 0.02  # relative change of the median below which the warm-up has ended
LEAST = 4  # runs of a block, the first of which meets caches that another model filled


def percentile(ordered: list[float], share: int) -> float:
    """The smallest value that at least `share` of the sorted values do not exceed (nearest rank)."""
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def warm_up(run: Callable[[], float], at_least: int, seconds: float) -> tuple[int, bool]:
    """Run until the median of a window stops moving; returns the runs made and whether it became stable."""
    times: list[float] = []
    end = time.monotonic() + seconds
    while True:
        times.append(run())
        if len(times) >= max(at_least, 2 * WINDOW):
            before, now = (percentile(sorted(part), 50) for part in (times[-2 * WINDOW : -WINDOW], times[-WINDOW:]))
            if abs(now - before) <= STABLE * before:
                return len(times), True
        if time.monotonic() > end:
            return len(times), False


def timer(invoke: Callable[[], Any]) -> Callable[[], float]:
    """A function that runs one inference and returns the seconds it took."""
    clock = time.perf_counter

    def run() -> float:
        begin = clock()
        invoke()
        return clock() - begin

    return run


def timed_runs(run: Callable[[], float], runs: int, seconds: float, watch: Any = None) -> list[float]:
    """At most `runs` times, at most about `seconds` long, but at least ten of them."""
    samples: list[float] = []
    end = time.monotonic() + seconds
    while len(samples) < runs and (time.monotonic() < end or len(samples) < min(10, runs)):
        if watch is not None:
            watch.look()
        samples.append(run())
    return samples


def summary(samples: list[float]) -> dict[str, Any]:
    """Percentiles of the samples, and the samples themselves, in seconds."""
    ordered = sorted(samples)
    return {
        "runs": len(samples),
        "min": ordered[0],
        **{f"p{share}": percentile(ordered, share) for share in (50, 95, 99)},
        "max": ordered[-1],
        "mean": sum(samples) / len(samples),
        "samples": [round(sample, 9) for sample in samples],
    }


def bench(invoke: Callable[[], Any], opened: dict[str, Any], before: dict[str, Any], arguments: Any) -> dict[str, Any]:
    """Latency of one inference, its spread, memory, energy, and the conditions; `opened` is what opening the model cost."""
    run = timer(invoke)
    first = run()
    warmups, stable = warm_up(run, arguments.warmup, arguments.warmup_seconds)
    steady = run_conditions.conditions()
    watch = run_conditions.Watch()
    samples = timed_runs(run, arguments.runs, arguments.seconds, watch)
    after = run_conditions.conditions()
    found = {
        **summary(samples),
        **opened,
        "warmup_runs": warmups,
        "stable": stable,
        "first": first,
        "peak_memory": run_conditions.memory("VmHWM"),
        "before": before,
        "steady": steady,
        "during": watch.rows,
        "after": after,
    }
    if arguments.power != "off":
        found["energy"] = run_energy.measure(invoke, arguments.power)
    return found


def quick(invoke: Callable[[], Any], seconds: float) -> dict[str, Any]:
    """A first impression: the median of the inferences of about `seconds`, after half as long a warm-up."""
    run = timer(invoke)
    _, stable = warm_up(run, 2, seconds / 2)
    samples = sorted(timed_runs(run, 200, seconds))
    return {"p50": percentile(samples, 50), "timed": len(samples), "stable": stable}


def serve(invoke: Callable[[], Any], opened: dict[str, Any], before: dict[str, Any], arguments: Any) -> dict[str, Any]:
    """Time blocks of inferences as they are asked for on standard input, so that another program can run in between.

    Says `ready MICROSECONDS`, the median of the warm-up's end, and answers each line `block SECONDS` with the block's times in
    nanoseconds on one line; any other line, or the end of input, ends it.
    """
    run = timer(invoke)
    first = run()
    warmups, stable = warm_up(run, arguments.warmup, arguments.warmup_seconds)
    median = percentile(sorted(run() for _ in range(WINDOW)), 50)
    steady = run_conditions.conditions()
    print(f"ready {max(1, round(median * 1e6))}", flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[:1] != ["block"]:
            break
        end = time.monotonic() + float(words[1])
        times = [run() for _ in range(LEAST)]
        while time.monotonic() < end:
            times.append(run())
        print(" ".join(str(round(sample * 1e9)) for sample in times), flush=True)
    return {
        **opened,
        "first": first,
        "warmup_runs": warmups,
        "stable": stable,
        "peak_memory": run_conditions.memory("VmHWM"),
        "before": before,
        "steady": steady,
        "after": run_conditions.conditions(),
    }
