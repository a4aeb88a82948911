"""The results as Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from benchmarks.mcu import costs
from benchmarks.mcu.published import (
    ARENA_BARS,
    BARS,
    CODE_BAR,
    CYCLE_BARS_M4,
    RECORDS,
    TFLM_M4_MEMORY,
    TITLES,
)

Result = dict[str, Any]


def render(results: Sequence[Result], asked: argparse.Namespace) -> str:
    """The whole file."""
    parts = [_head(results, asked)]
    for model in dict.fromkeys(result["model"] for result in results):
        parts.append(_model([result for result in results if result["model"] == model], model))
    parts.append(_records([result for result in results if result["model"] in ("kws", "ic")]))
    parts.append(costs.render(results))
    parts.append(_layers(results))
    return "\n".join(parts)


def _head(results: Sequence[Result], asked: argparse.Namespace) -> str:
    tools = ", ".join(dict.fromkeys(", ".join(result["method"].split(", ")[:-2]) for result in results))
    compilers = ", ".join(dict.fromkeys(result["method"].split(", ")[-2] for result in results))
    each = dict.fromkeys((result["cpu"], result["cycles_error"]) for result in results)
    errors = "\n".join(f"  - {core}: {error}" for core, error in each)
    return f"""# Microcontroller benchmark

Written by `python benchmarks/mcu/run.py --toolchain {asked.toolchain} --optimize {asked.optimize}`; do not edit.

- **Counted**: executed instructions of one inference (emulators: {tools}; compiler: {compilers}). Exact and repeatable.
- **Estimated**: cycles, from those instructions and each core's published timings (docs/reference/cycle-estimates.md):
{errors}
- **Read off the linked program**: flash (code and constants of the model and the libraries it needs) and arena.
- **Counted elsewhere**: TFLM, TensorFlow Lite Micro with CMSIS-NN, on QEMU with an instruction clock.
- **Published**: cycles of other stacks, their measured latency times the clock.
- **Built**: models of random weights come from `benchmarks/mcu/build_models.py`; nobody else's figures for them are at hand.
- **Bits**: inputs whose outputs on the core equal TensorFlow Lite's reference kernels', of those compared.
"""


def _model(results: Sequence[Result], model: str) -> str:
    lines = [
        f"## {TITLES[model]} ({results[0]['macs']:,} multiply-accumulates)",
        "",
        "| core | instructions | per MAC | of TFLM's | bar | cycles, estimated | flash | code | arena | stack | bits |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        count, parity, sizes = result["instructions"], result["parity"], result["sizes"]
        bar = BARS.get(result["cpu"], {}).get(model)
        tflm = f"{count / result['tflm']:.2f}" if result["tflm"] else ""
        met = "" if bar is None else f"{bar / 1e6:.1f} M {'met' if count <= bar else 'missed'}"
        lines.append(
            f"| {result['cpu']} | {count:,} | {count / result['macs']:.2f} | {tflm} | {met} "
            f"| {result['cycles_estimated']:,} | {result['flash_bytes']:,} | {sizes['code']:,} | {result['arena_bytes']:,} "
            f"| {result['stack_bytes']:,} | {parity['compared'] - parity['differing']} of {parity['compared']} |"
        )
    if model not in TFLM_M4_MEMORY:
        bounds = ", ".join(f"{result['cpu']} {result['arena_lower_bound']:,}" for result in results)
        return "\n".join([*lines, "", f"Lower bounds of the arena: {bounds}.", ""])
    memory = TFLM_M4_MEMORY[model]
    largest = max(results, key=lambda result: int(result["arena_bytes"]))
    lines += [
        "",
        f"TFLM on the M4: flash {memory['flash']:,} (the .tflite {memory['model']:,}), arena {memory['arena']:,}. "
        f"Bars: arena {ARENA_BARS[model]:,} ({_met(largest['arena_bytes'], ARENA_BARS[model])}), "
        f"code {CODE_BAR:,} ({_met(max(result['sizes']['code'] for result in results), CODE_BAR)})."
        + (f" The arena's lower bound is {largest['arena_lower_bound']:,}." if largest["arena_lower_bound"] else ""),
        "",
    ]
    return "\n".join(lines)


def _met(value: int, bar: int) -> str:
    return f"{value:,}, {'met' if value <= bar else 'missed'}"


def _records(results: Sequence[Result]) -> str:
    lines = [
        "## Beside published records",
        "",
        "| | core | keyword spotting | image classification | |",
        "|---|---|---:|---:|---|",
    ]
    for core in dict.fromkeys(record[1] for record in RECORDS):
        mine = {result["model"]: result for result in results if result["cpu"] == core}
        if mine:
            cells = [f"{mine[model]['cycles_estimated'] / 1e6:.2f} M" if model in mine else "" for model in ("kws", "ic")]
            lines.append(f"| **edgepack** | {core} | {cells[0]} | {cells[1]} | estimated cycles |")
        for who, where, kws, image in RECORDS:
            if where == core:
                lines.append(f"| {who} | {core} | {kws / 1e6:.2f} M | {image / 1e6:.2f} M | measured cycles |")
    m4 = {result["model"]: result for result in results if result["cpu"] == "cortex-m4"}
    bars = [f"{TITLES[model]} {_met(m4[model]['cycles_estimated'], CYCLE_BARS_M4[model])}" for model in m4]
    return "\n".join([*lines, "", f"Bars for estimated cycles on the M4: {'; '.join(bars)}.", ""])


def _layers(results: Sequence[Result]) -> str:
    lines = ["## Where the instructions go on the M4", ""]
    for result in results:
        if result["cpu"] == "cortex-m4":
            lines += [f"{TITLES[result['model']]}:", "", "| layer | instructions | cycles, estimated |", "|---|---:|---:|"]
            for layer, count in result["per_layer"].items():
                lines.append(f"| {layer} | {count:,} | {result['per_layer_cycles'][layer]:,} |")
            lines.append("")
    return "\n".join(lines)
