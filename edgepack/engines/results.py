"""What a runner's result must look like, command by command, so that nothing a device says is used before it was looked at."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = Any
"""A check, which gives what is wrong with a value or None; a list of one shape; or a table of shapes by key ("key?" may lack)."""

Check = Callable[[Any, str], str | None]


def _leaf(what: str, holds: Callable[[Any], bool]) -> Check:
    return lambda value, place: None if holds(value) else f"{place} is not {what}"


def _or_null(shape: Shape) -> Check:
    return lambda value, place: None if value is None else fault(value, shape, place)


def _matching(pattern: str, what: str) -> Check:
    return _leaf(what, lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_seconds(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _has(value: Any, key: str) -> bool:
    return isinstance(value, Mapping) and key in value


_number = _leaf("a finite number", _is_number)
_seconds = _leaf("a number of seconds", _is_seconds)
_positive = _leaf("a number above 0", lambda value: _is_number(value) and value > 0)
_count = _leaf("a whole number", _is_count)
_flag = _leaf("true or false", lambda value: isinstance(value, bool))
_text = _leaf("a line of text", lambda value: isinstance(value, str) and len(value) <= 1000)
_samples = _leaf("a list of seconds", lambda value: isinstance(value, list) and bool(value) and all(map(_is_seconds, value)))

_STATE = {
    "temperature": _or_null(_number),
    "frequencies": [_number],
    "governors": [_text],
    "throttled?": _or_null(_count),
    "battery?": _or_null({"level": _number, "status": _or_null(_text)}),
    "load?": _or_null(_number),
    "processor?": _or_null({"busy": _number, "stolen": _number}),
    "own?": _or_null(_number),
    "preempted?": _or_null(_count),
    "time?": _or_null(_number),
}
_PACKAGE = {"version?": _matching(r"[0-9A-Za-z.+!_-]{1,64}", "a version"), "error?": _text}
_ENERGY = {
    "source": _text,
    "samples": _count,
    "runs": _positive,
    **dict.fromkeys(("seconds", "busy_watts", "idle_watts", "energy", "energy_above_idle"), _number),
}

PROBE_PYTHON: Shape = {
    "python": _matching(r"[0-9]{1,3}\.[0-9]{1,3}(\..{0,60})?", "a version"),
    "machine": _matching(r"[\w.-]{0,64}", "a processor's name"),
    "bits": _count,
    "libc": [_text],
    "packages": {"numpy": _PACKAGE, "ai_edge_litert": _PACKAGE, "tflite_runtime": _PACKAGE},
}
"""Of `probe`, from a device's Python."""

PROBE_LIBRARY: Shape = {"engine_version": _text}
"""Of `probe`, from the runner in C."""

_GOLDEN = {
    **dict.fromkeys(("count", "inputs_differing", "argmax_moved"), _count),
    **dict.fromkeys(("max_difference", "median_difference"), _number),
}

SERVED: Shape = {
    **dict.fromkeys(("import_time", "load_time", "first"), _seconds),
    "stable": _flag,
    "peak_memory": _or_null(_count),
    **{state: {**_STATE, "own": _number} for state in ("before", "steady", "after")},
}
"""Of `serve`, whose blocks came before it."""

_BENCH = {
    **dict.fromkeys(("runs", "warmup_runs"), _count),
    **dict.fromkeys(("min", "p95", "p99", "mean", "max"), _seconds),
    "p50": _positive,
    "stable": _flag,
    "samples": _samples,
    **dict.fromkeys(("import_time?", "load_time?", "first?"), _seconds),
    **dict.fromkeys(("peak_memory", "memory_before"), _or_null(_count)),
    **dict.fromkeys(("before", "steady?", "after"), _STATE),
    "during?": [{"frequency": _or_null(_number), "temperature": _or_null(_number)}],
    "energy?": lambda value, place: fault(value, _ENERGY if _has(value, "energy") else {"reason": _text}, place),
}
_LAYERS = {
    "runs": _count,
    **dict.fromkeys(("p50", "covered", "clock?"), _seconds),
    "layers": [{"name?": _text, "number": _count, "p50": _seconds}],
}


def shape_of(command: str, timed: bool = False) -> Shape:
    """What the result of a runner's command must look like; `timed` says that `golden` was asked for times, too."""
    golden = {**_GOLDEN, "p50": _seconds} if timed else _GOLDEN
    return {"golden": golden, "infer": {}, "bench": _BENCH, "layers": _LAYERS}[command]


def fault(value: Any, shape: Shape, place: str = "it") -> str | None:
    """What is wrong with a value, in words; None when it has the shape. Keys that the shape does not name are passed over."""
    if callable(shape):
        found: str | None = shape(value, place)
        return found
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{place} is not a list"
        return next((wrong for item in value if (wrong := fault(item, shape[0], f"an element of {place}"))), None)
    if not isinstance(value, Mapping):
        return f"{place} is not a table"
    for key, inner in shape.items():
        name = key.removesuffix("?")
        if name in value:
            if wrong := fault(value[name], inner, repr(name)):
                return wrong
        elif name == key:
            return f"{place} lacks {name!r}"
    return None
