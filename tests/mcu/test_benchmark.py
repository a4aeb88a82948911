"""The benchmark's table says which bars were met and which missed."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.mcu import table


def result(core: str, instructions: int, differing: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "cpu": core,
        "model": "kws",
        "instructions": instructions,
        "tflm": 7_845_000,
        "cycles_estimated": 5_000_000,
        "flash_bytes": 70_000,
        "sizes": {"code": 12_000, "constants": 58_000},
        "arena_bytes": 10_000,
        "arena_lower_bound": 9_000,
        "stack_bytes": 300,
        "parity": {"compared": 9, "differing": differing, "largest": differing},
        "per_layer": {"00 CONV_2D conv2d": 900, "kws_run": 20},
        "per_layer_cycles": {"00 CONV_2D conv2d": 1200, "kws_run": 30},
        "macs": 2_656_768,
        "cycles_error": "estimate; within about 10 %",
        "layers": [{"expected": 1_100_000, "counted": 1_000_000}],
        "method": "unicorn 2.1.4, zig 0.17.1, speed",
        **more,
    }


def test_bars_and_bits_are_told_as_they_are() -> None:
    asked = argparse.Namespace(toolchain="zig", optimize="speed")
    text = table.render([result("cortex-m4", 3_900_001, differing=2), result("cortex-m7", 3_900_000, arena_bytes=10_301)], asked)
    first = text.partition("## The cost model")[0]
    rows = {line.split(" | ")[0].strip("| "): line for line in first.splitlines() if line.startswith("| cortex")}
    assert "3.9 M missed" in rows["cortex-m4"] and "7 of 9" in rows["cortex-m4"] and "| 1.47 | 0.50 |" in rows["cortex-m4"]
    assert "3.9 M met" in rows["cortex-m7"] and "9 of 9" in rows["cortex-m7"]
    assert "arena 10,300 (10,301, missed)" in text and "code 14,336 (12,000, met)" in text
    assert "keyword spotting 5,000,000, met" in text
    assert "| cortex-m4 | 1 | 1.10 | 10 % | 10 % | not compared |" in text
