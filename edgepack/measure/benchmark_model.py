"""Latency from Google's benchmark_model, which runs a .tflite as an app with LiteRT does, delegates included.

Its sources are TensorFlow's tensorflow/lite/tools/benchmark. Three forms of its output are read: the summary that begins
"Average inference timings" (until 2020), the one with "First inference" (since then), and the statistics line with p5,
median and p95 (since 2023). Without a median there is only a mean, and the percentiles are NOT MEASURED.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgepack.devices import Device, DeviceFacts
from edgepack.engines.program import provide_file
from edgepack.engines.types import Runner
from edgepack.ground.download import fetch_pinned, parse_pinned
from edgepack.ground.errors import DeviceError, ProjectError
from edgepack.ground.progress import Progress
from edgepack.ground.user_cache import user_cache
from edgepack.measure.op_profile import ToolNode, parse_op_profile
from edgepack.measure.types import Measurement, Method
from edgepack.project import Target
from edgepack.remote.layout import Layout

_SECONDS = 30  # the longest that the timed runs may take
_MOST_PRINTED = 4 << 20  # bytes; the tables of a network of a thousand operators are one

_NUMBER = r"([0-9.]+(?:e[+-]?\d+)?)"


@dataclass(frozen=True)
class ToolResult:
    """What benchmark_model said, in seconds and bytes; None where its version does not say it.

    `nodes` are those that the delegate runs of all, as (taken, all).
    """

    runs: int
    mean: float
    minimum: float
    maximum: float
    deviation: float
    first: float | None
    load: float
    median: float | None = None
    p95: float | None = None
    memory: float | None = None
    nodes: tuple[int, int] | None = None


def parse_benchmark_model(text: str) -> ToolResult | None:
    """The result in what the tool printed (on both streams), None when there is none.

    The last statistics line counts: the one before is the warm-up's. Those of a profile, "Timings (microseconds): count=...",
    are sums over its operators.

    >>> found = parse_benchmark_model('''count=1 curr=146161
    ... count=50 first=137789 curr=137254 min=137079 max=143416 avg=137722 std=896
    ... Average inference timings in us: Warmup: 146161, Init: 4452, no stats: 137722''')
    >>> found.runs, found.mean, found.median, found.load, found.first
    (50, 0.137722, None, 0.004452, None)
    """
    counts = re.findall(
        rf"(?<!microseconds\): )count=(\d+) (?:first=\d+ )?curr=\d+(?: min={_NUMBER} max={_NUMBER} avg={_NUMBER} std={_NUMBER})?"
        rf"(?: p5=\d+ median={_NUMBER} p95={_NUMBER})?",
        text,
    )
    timings = next((line for line in text.splitlines() if "timings in us:" in line), "").partition("timings in us:")[2]
    load = re.search(rf"\bInit: {_NUMBER}", timings)
    if not counts or load is None:
        return None
    runs, low, high, mean, deviation, median, p95 = counts[-1]
    average = re.search(rf"(?:Inference \(avg\)|Inference|no stats): {_NUMBER}", text)
    first = re.search(rf"First inference: {_NUMBER}", text)
    footprint = r"(?:Memory footprint delta[^:\n]{0,80}|Peak memory footprint \(MB\))"
    memory = re.search(rf"{footprint}: init=\S{{1,80}} overall={_NUMBER}", text)
    nodes = re.search(r"Replacing (\d+) out of (\d+) node", text)
    try:
        only = float(mean or (average.group(1) if average else 0.0))
        result = ToolResult(
            runs=int(runs),
            mean=only * 1e-6,
            minimum=float(low or only) * 1e-6,
            maximum=float(high or only) * 1e-6,
            deviation=float(deviation or 0.0) * 1e-6,
            first=None if first is None else float(first.group(1)) * 1e-6,
            load=float(load.group(1)) * 1e-6,
            median=float(median) * 1e-6 if median else None,
            p95=float(p95) * 1e-6 if p95 else None,
            memory=None if memory is None else float(memory.group(1)) * 1e6,
            nodes=None if nodes is None else (int(nodes.group(1)), int(nodes.group(2))),
        )
    except ValueError:  # such as 1.2.3
        return None
    return result if result.runs and all(0 <= one < math.inf for one in vars(result).values() if isinstance(one, float)) else None


def tool_arguments(target: Target, model: str) -> list[str]:
    """benchmark_model's flags for a target."""
    settings = target.device
    return [
        f"--graph={model}",
        f"--num_threads={settings.threads or 1}",
        f"--num_runs={settings.runs}",
        f"--max_secs={_SECONDS}",
        f"--warmup_runs={max(1, settings.warmup)}",
        f"--use_xnnpack={str(settings.delegate == 'xnnpack').lower()}",
        f"--use_gpu={str(settings.delegate == 'gpu').lower()}",
    ]


def chosen_cpus(target: Target, facts: DeviceFacts) -> tuple[int, ...]:
    """The processors to run on, none when any will do.

    Raises:
        DeviceError: EP-548 when the fastest are wanted and the device does not say which they are.
    """
    wanted = target.device.cpus
    if wanted is None:
        return ()
    if wanted != "fastest":
        return tuple(sorted({int(word) for word in wanted.split(",")}))
    if not facts.core_clocks:
        raise DeviceError("EP-548", "the device does not say how fast its cores are", 'name them: cpus = "4,5,6,7"')
    return tuple(core for core, clock in enumerate(facts.core_clocks) if clock == max(facts.core_clocks))


def taskset(cpus: Sequence[int]) -> tuple[str, str]:
    """The command that runs another on these processors only; both util-linux and toybox take a hexadecimal mask.

    >>> taskset((4, 5, 6, 7))
    ('taskset', 'f0')
    """
    return "taskset", f"{sum(1 << cpu for cpu in cpus):x}"


def tool_file(target: Target, progress: Progress) -> Path | None:
    """The tool on this machine, downloaded where the target names an address; None when the target wants none.

    Raises:
        ProjectError: EP-172 when there is no such file; ToolError, ProjectError as `fetch_pinned`.
    """
    named = target.device.benchmark_model
    if named is None:
        return None
    if "://" in named:
        return fetch_pinned(parse_pinned(named), "benchmark_model", user_cache() / "downloads", progress)
    tool = Path(named).expanduser()
    if not tool.is_file():
        raise ProjectError("EP-172", f"benchmark_model = {tool}: there is no such file", "give the path of the tool's binary")
    return tool


def on_chosen_cpus(runner: Runner, target: Target, device: Device) -> Runner:
    """The runner, kept on the processors that the target names, if any; see `chosen_cpus`."""
    cpus = chosen_cpus(target, device.facts())
    return replace(runner, argv=(*taskset(cpus), *runner.argv)) if cpus else runner


def run_tool(device: Device, place: Layout, tool: Path, model: str, target: Target, facts: DeviceFacts) -> ToolResult:
    """Bring the tool to the device and run it on the model at path `model`.

    Raises:
        DeviceError: EP-549 when it fails or prints no result.
    """
    return _run(device, place, tool, model, target, facts, ())[0]


def profile_tool(
    device: Device, place: Layout, tool: Path, model: str, target: Target, facts: DeviceFacts
) -> tuple[ToolResult, tuple[ToolNode, ...]]:
    """The same with a clock between the operators, and their times.

    Raises:
        DeviceError: EP-549 as `run_tool`, also when it prints no times of operators.
    """
    found, said = _run(device, place, tool, model, target, facts, ("--enable_op_profiling=true",))
    nodes = parse_op_profile(said)
    if not nodes:
        raise DeviceError(
            "EP-549",
            f"{device.name}: benchmark_model printed no times of operators",
            "take a newer build of the tool",
        )
    return found, nodes


def _run(
    device: Device, place: Layout, tool: Path, model: str, target: Target, facts: DeviceFacts, flags: Sequence[str]
) -> tuple[ToolResult, str]:
    """What the tool measured, and all it said."""
    command = [provide_file(device, place, tool), *tool_arguments(target, model), *flags]
    cpus = chosen_cpus(target, facts)
    if cpus:
        command = [*taskset(cpus), *command]
    completed = device.run(command, timeout=target.device.timeout_s + 4 * _SECONDS)
    printed = completed.stdout + b"\n" + completed.stderr
    if len(printed) > _MOST_PRINTED:
        amount = f"{len(printed) >> 20} MiB"
        raise DeviceError("EP-549", f"{device.name}: benchmark_model printed {amount}", "run it there by hand to see what")
    said = printed.decode("utf-8", "replace")
    found = parse_benchmark_model(said) if completed.status == 0 else None
    if found is None:
        detail = completed.last_error_line or f"exit status {completed.status}"
        raise DeviceError(
            "EP-549", f"{device.name}: benchmark_model failed: {detail}", "check that it was built for this device's processor"
        )
    return found, said


def tool_measurements(found: ToolResult, target: Target, method: Method) -> tuple[Measurement, ...]:
    """Its figures as measurements; the 99th percentile it never tells."""
    settings = target.device
    conditions: dict[str, Any] = {
        "engine": f"benchmark_model, delegate {settings.delegate}",
        "threads": settings.threads or 1,
        "runs": found.runs,
        **({"cpus": settings.cpus} if settings.cpus else {}),
        **({"delegated_nodes": f"{found.nodes[0]} of {found.nodes[1]}"} if found.nodes else {}),
    }
    note = "; not the target's hardware" if method == "stand-in" else ""
    figures = {
        "latency_min": found.minimum,
        "latency_p50": found.median,
        "latency_p95": found.p95,
        "latency_p99": None,
        "latency_mean": found.mean,
        "latency_max": found.maximum,
        "latency_first": found.first,
        "load_time": found.load,
    }
    lacking = "this version of benchmark_model does not print it"
    timed = [
        Measurement(name, value, "s", method, f"benchmark_model{note}" if value is not None else lacking, conditions)
        for name, value in figures.items()
    ]
    if found.memory is None:
        return tuple(timed)
    detail = f"benchmark_model's own figure, from its start on; approximate{note}"
    return (*timed, Measurement("peak_memory", found.memory, "bytes", method, detail, conditions))
