"""Estimating processor cycles from executed instructions: each core's published timings, applied to exact counts.

An estimate, never a measurement: no emulator here models time. docs/reference/cycle-estimates.md says what it was compared
with.

Tables: Cortex-M0+ TRM (DDI 0484C) 3.3, Cortex-M3 TRM (DDI 0337I) 3.3, Cortex-M4 TRM (100166_0001) 3.3. The M7, M33, M55 and
M85 have none; pipelines.py issues their code in order instead. Which of them a core is timed by stands on its page in
edgepack/cores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.cores import Timing
from edgepack.mcu.count.instructions import Block
from edgepack.mcu.count.pipelines import M7, M33, M55, M85, Pipeline, steady_cycles
from edgepack.mcu.image.decode import Instruction


@dataclass(frozen=True)
class CycleEstimate:
    """Estimated cycles of one inference, in all and per layer; how they were come by, and how far off they may be."""

    cycles: float
    per_layer: dict[str, float]
    basis: str
    error: str


def estimate_cycles(blocks: Sequence[Block], timing: Timing, flash_wait_states: int = 0) -> CycleEstimate:
    """Cycles of one inference on a core of that timing.

    `flash_wait_states` is for parts that fetch code from flash without a cache: every 16 bytes fetched in line cost that
    many cycles more, and so does every taken branch. 0 suits code in RAM, a cache or an accelerator that hits.
    """
    cost = COSTS[timing.costs]
    layers: defaultdict[str, float] = defaultdict(float)
    for block in blocks:
        size = sum(instruction.size for instruction in block.instructions)
        cycles = block.executed * (cost(block.instructions) + flash_wait_states * size / 16)
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
    """M0+ TRM table 3-1, with the single-cycle multiplier; a call takes one cycle more than a jump, POP of PC too.

    The M23 divides, in 17 cycles where it multiplies in one.
    """
    kind = instruction.kind
    if kind in ("load", "store"):
        return 2
    if kind.endswith("multiple"):
        return 1 + instruction.count + ("pc" in instruction.writes)
    return {"call": 2, "divide": 17}.get(kind, 1)


COSTS: dict[str, Callable[[Sequence[Instruction]], float]] = {
    "m0plus": _table(_m0plus_cost),
    "m3": _table(_m3_cost),
    "m4": _table(_m4_cost),
    "m7": _pipeline(M7),
    "m33": _pipeline(M33),
    "m55": _pipeline(M55),
    "m85": _pipeline(M85),
}
