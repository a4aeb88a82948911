"""What may have made a benchmark's numbers wrong, from what the runner saw before, during and after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_HOT = 80.0  # °C: a Pi lowers its clock from here on
_BUSY = 0.5  # load average per core before the benchmark that other programs must be causing
_OTHERS = 0.2  # cores that other programs may use during the benchmark
_COUNTED = 0.5  # seconds from which the kernel's counters, which go in steps of 10 ms, tell more than the load average
_STOLEN = 0.02  # share of the time that a virtual machine's host may take
_CLOCK_CHANGE = 0.05
_DRIFT = 0.1  # change of the median from the first third of the runs to the last
_LOW_BATTERY = 20.0  # percent: phones save power below
_PREEMPTED = 0.02  # share of runs that may lose their core

# vcgencmd get_throttled, from Raspberry Pi's documentation of vcgencmd; bits 16 to 19 say the same of the time since boot.
_THROTTLED = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}

_UNKNOWN: dict[str, Any] = {
    **dict.fromkeys(("temperature", "throttled", "battery", "load", "processor", "own", "preempted", "time")),
    "frequencies": [],
    "governors": [],
}


def disturbances(result: Mapping[str, Any], cores: int | None) -> list[str]:
    """Every disturbance in words, from a runner's `bench` result; `cores` as the device tells them.

    A runner need not see everything: what it leaves out counts as unknown.
    """
    states = [{**_UNKNOWN, **result[name]} for name in ("before", "steady", "after") if name in result]
    during = result.get("during", [])
    return [
        *_unsteady(result),
        *_governor(states[-1]),
        *_throttling(states),
        *_heat(states, during),
        *_clock([*(states[1:] if "steady" in result else states), *during]),
        *_battery(states[-1]),
        *_others(states, cores or 1),
        *_interrupted(result, states),
    ]


def _unsteady(result: Mapping[str, Any]) -> Iterator[str]:
    if not result["stable"]:
        yield "the warm-up never became stable: the latencies drift"
    samples: Sequence[float] = result["samples"]
    third = len(samples) // 3
    if third >= 10:
        first, last = (sorted(part)[third // 2] for part in (samples[:third], samples[-third:]))
        if abs(last - first) > _DRIFT * first:
            yield f"the median went from {first * 1e3:.3g} ms in the first third of the runs to {last * 1e3:.3g} ms in the last"


def _governor(state: Mapping[str, Any]) -> Iterator[str]:
    slow = [name for name in state["governors"] if name not in ("performance", "schedutil")]
    if slow:
        yield f"the CPU governor is {', '.join(slow)}, not performance: the clock may lag behind the load"


def _throttling(states: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before, after = states[0]["throttled"], states[-1]["throttled"]
    if after is None:
        return
    for bit, meaning in _THROTTLED.items():
        sticky = 1 << (bit + 16)
        if any((state["throttled"] or 0) >> bit & 1 for state in states):
            yield f"the device reports {meaning} now"
        elif after & sticky:
            yield f"the device reports {meaning} {'since it was started' if (before or 0) & sticky else 'during the benchmark'}"


def _heat(states: Sequence[Mapping[str, Any]], during: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    hottest = max((row["temperature"] for row in (*states, *during) if row["temperature"] is not None), default=0.0)
    if hottest >= _HOT:
        yield f"the processor is at {hottest:.0f} °C, where many boards lower their clock"


def _clock(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    clocks = [max(row["frequencies"], default=None) if "frequencies" in row else row["frequency"] for row in rows]
    known = [clock for clock in clocks if clock]
    if known and max(known) - min(known) > _CLOCK_CHANGE * max(known):
        yield f"the clock changed between {max(known) / 1e6:.0f} and {min(known) / 1e6:.0f} MHz during the benchmark"


def _battery(state: Mapping[str, Any]) -> Iterator[str]:
    battery = state["battery"]
    if battery is not None and battery["level"] < _LOW_BATTERY and battery["status"] != "Charging":
        yield f"the battery is at {battery['level']:.0f} %: the device may be saving power"


def _others(states: Sequence[Mapping[str, Any]], cores: int) -> Iterator[str]:
    """Other programs: counted over the whole benchmark when that is long enough, else the load average before it."""
    before, after = states[0], states[-1]
    known = all(state[key] is not None for state in (before, after) for key in ("time", "processor", "own"))
    seconds = after["time"] - before["time"] if known else 0.0
    if seconds >= _COUNTED:
        busy, stolen = (after["processor"][key] - before["processor"][key] for key in ("busy", "stolen"))
        others = (busy - (after["own"] - before["own"])) / seconds
        if others > _OTHERS:
            yield f"other programs were running: they used {others:.1f} of {cores} cores during the benchmark"
        if stolen > _STOLEN * seconds:
            yield f"the virtual machine's host took {100 * stolen / seconds:.0f} % of the time for others"
    elif before["load"] is not None and before["load"] > _BUSY * cores:
        yield f"other programs were running: load average {before['load']:.2f} on {cores} cores before the benchmark"


def _interrupted(result: Mapping[str, Any], states: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    lost = (states[-1]["preempted"] or 0) - (states[-2]["preempted"] or 0)
    if lost > max(2, _PREEMPTED * result["runs"]):
        yield f"the runner lost its core {lost} times in {result['runs']} runs to other programs"
    if result["p99"] > 2 * result["p50"]:
        yield f"one run in a hundred took {result['p99'] / result['p50']:.1f} times the median: something interrupts it"
