"""Estimating processor cycles from executed instructions: each core's published timings, applied to exact counts.

An estimate, never a measurement: no emulator here models time. docs/reference/cycle-estimates.md says what it was compared
with.

Tables: Cortex-M0+ TRM (DDI 0484C) 3.3, Cortex-M3 TRM (DDI 0337I) 3.3, Cortex-M4 TRM (100166_0001) 3.3. The M7, M33
and M55 have none; pipelines.py issues their code in order instead.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.mcu.count.instructions import Block
from edgepack.mcu.count.pipelines import M7, M33, M55, Pipeline, steady_cycles
from edgepack.mcu.image.decode import Instruction


@dataclass(frozen=True)
class CycleEstimate:
    """Estimated cycles of one inference, in all and per layer; how they were come by, and how far off they may be."""

    cycles: float
    per_layer: dict[str, float]
    basis: str
    error: str


@dataclass(frozen=True)
class _Timing:
    """A core's model: cycles of a block's instructions, and what a taken branch costs on top."""

    block: Callable[[Sequence[Instruction]], float]
    taken_branch: float
    basis: str
    error: str


def estimate_cycles(blocks: Sequence[Block], core: str, flash_wait_states: int = 0) -> CycleEstimate:
    """Cycles of one inference on `core`.

    `flash_wait_states` is for parts that fetch code from flash without a cache: every 16 bytes fetched in line cost that
    many cycles more, and so does every taken branch. 0 suits code in RAM, a cache or an accelerator that hits.
    """
    timing = _TIMINGS[core]
    layers: defaultdict[str, float] = defaultdict(float)
    for block in blocks:
        size = sum(instruction.size for instruction in block.instructions)
        cycles = block.executed * (timing.block(block.instructions) + flash_wait_states * size / 16)
        layers[block.owner] += cycles + block.branched * (timing.taken_branch + flash_wait_states)
    basis = timing.basis + (f", {flash_wait_states} flash wait states" if flash_wait_states else "")
    return CycleEstimate(sum(layers.values()), dict(sorted(layers.items())), basis, timing.error)


def _table(cost: Callable[[Instruction, Instruction | None], float]) -> Callable[[Sequence[Instruction]], float]:
    """A block's cycles from those of each instruction, given the one before."""

    def block(instructions: Sequence[Instruction]) -> float:
        total, before = 0.0, None
        for instruction in instructions:
            total += cost(instruction, before)
            before = instruction
        return total

    return block


_MEMORY = {"load", "store", "load double", "store double", "load multiple", "store multiple"}


def _pipeline(pipeline: Pipeline) -> Callable[[Sequence[Instruction]], float]:
    return lambda instructions: steady_cycles(pipeline, instructions)


def _m4_cost(instruction: Instruction, before: Instruction | None) -> float:
    """M4 TRM table 3-1 and 3.3.2.

    A single load after another, whose result is not its address, takes 1 cycle instead of 2. An address that the instruction
    before has computed stalls for one.
    """
    kind = instruction.kind
    after_load = before is not None and before.kind == "load" and not set(before.writes) & set(instruction.address_of)
    computed = before is not None and before.kind not in _MEMORY and set(before.writes) & set(instruction.address_of)
    stall = 1 if computed else 0
    if kind == "load":
        return 1 if after_load else 2 + stall
    if kind == "store":
        return 2 + stall if len(instruction.address_of) > 1 and not after_load else 1 + stall
    if kind in ("load double", "store double"):
        return 3 + stall
    if kind.endswith("multiple"):
        return 1 + instruction.count
    return {"divide": 7, "float accumulate": 3, "float divide": 14, "table branch": 2}.get(kind, 1)


def _m3_cost(instruction: Instruction, before: Instruction | None) -> float:
    """M3 TRM table 3-1: multiply-accumulate takes 2, long multiplies 3 to 7 depending on the values."""
    slower = {"accumulate": 2, "long multiply": 4, "long accumulate": 6}
    return slower.get(instruction.kind) or _m4_cost(instruction, before)


def _m0plus_cost(instruction: Instruction, _before: Instruction | None) -> float:
    """M0+ TRM table 3-1, with the single-cycle multiplier; a call takes one cycle more than a jump, POP of PC too."""
    kind = instruction.kind
    if kind in ("load", "store"):
        return 2
    if kind.endswith("multiple"):
        return 1 + instruction.count + ("pc" in instruction.writes)
    return 2 if kind == "call" else 1


_TIMINGS: dict[str, _Timing] = {
    "cortex-m0plus": _Timing(
        _table(_m0plus_cost), 1, "Cortex-M0+ TRM timings", "estimate; low by the flash's wait states on parts that have them"
    ),
    "cortex-m3": _Timing(_table(_m3_cost), 2, "Cortex-M3 TRM timings", "estimate; 0 to 30 % low with flash wait states"),
    "cortex-m4": _Timing(
        _table(_m4_cost), 2, "Cortex-M4 TRM timings", "estimate; within about 10 %, 0 to 30 % low with flash wait states"
    ),
    "cortex-m7": _Timing(
        _pipeline(M7), 1, "in-order dual issue by LLVM's Cortex-M7 model", "estimate; perhaps 25 % off, more with cache misses"
    ),
    "cortex-m33": _Timing(_pipeline(M33), 2, "in-order issue by published Cortex-M33 latencies", "estimate; perhaps 15 % off"),
    "cortex-m55": _Timing(
        _pipeline(M55), 3, "in-order issue by LLVM's Cortex-M55 model", "estimate; perhaps 30 % off, memories without wait states"
    ),
}
