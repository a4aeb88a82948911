"""A Python for devices whose runner answers at once, for tests in which the runner is not what is tested."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

_STATE = {"temperature": None, "frequencies": [], "governors": [], "throttled": None, "load": None}
_TIMES = dict.fromkeys(("min", "p50", "p95", "p99", "mean", "max", "first", "load_time"), 1e-5)
_PROBE = {
    "python": "3.11.2",
    "machine": platform.machine(),
    "bits": 64,
    "libc": ["glibc", "2.36"],
    "packages": {"numpy": {"version": "1"}, "ai_edge_litert": {"version": "1"}, "tflite_runtime": {"error": "none"}},
}
_GOLDEN = {"count": 8, "inputs_differing": 0, "max_difference": 0, "median_difference": 0, "argmax_moved": 0, "p50": 1e-5}
_BENCH = {
    **_TIMES,
    "samples": [1e-5] * 20,
    "runs": 20,
    "warmup_runs": 1,
    "stable": True,
    "peak_memory": 1 << 20,
    "memory_before": 1 << 19,
    "before": _STATE,
    "after": _STATE,
}


def quick_python(path: Path, before: str = "", golden: dict[str, float] | None = None) -> Path:
    """A shell script at `path` that answers like the runner; `before` is shell run first, `golden` changes that answer."""
    answers = {"probe": _PROBE, "golden": {**_GOLDEN, **(golden or {})}, "bench": _BENCH}
    cases = "".join(f"*' {name}'*) answer='{json.dumps(answer)}' ;;\n" for name, answer in answers.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f'#!/bin/sh\n{before}\ncase " $*" in\n{cases}*) exec {sys.executable} "$@" ;;\nesac\n'
        "printf 'EDGEPACK-RESULT\\n%s\\nEDGEPACK-END\\n' \"$answer\"\n"
    )
    path.chmod(0o755)
    return path
