"""In-order issue of straight-line code on cores that Arm publishes no timing table for: M7, M33, M55 and M85.

Each instruction issues when its registers are ready and its unit is free; results are ready a latency later. Latencies and
units: LLVM's machine models, which Arm wrote (ARMScheduleM7.td, ARMScheduleM55.td, ARMScheduleM85.td, and ARMScheduleM4.td,
which LLVM uses for the M33 too), and for the M7 the measurements at quinapalus.com/cm7cycles.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.mcu.image.decode import Instruction


@dataclass(frozen=True)
class Step:
    """How an instruction passes the pipeline.

    `issue`: cycles in which nothing issues after it but a partner in its first; `latency`: cycles until its results can be
    used; `early`: cycles before issue at which its sources must be ready, `late`: cycles after it at which an accumulator
    may still arrive; `unit` is busy for `busy` cycles; `alone`: it shares its cycle with no other.
    """

    issue: int = 1
    latency: int = 1
    early: int = 0
    late: int = 0
    unit: str = ""
    busy: int = 1
    alone: bool = False


@dataclass(frozen=True)
class Pipeline:
    """A core's pipeline: how each instruction passes, which pairs share a cycle, and how many of each unit there are."""

    step: Callable[[Instruction], Step]
    pairs: Callable[[Instruction, Instruction], bool]
    units: dict[str, int]


class _Machine:
    """The state between instructions: when registers and units are free, and what issued last."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._ready: dict[str, int] = {}
        self._units: dict[str, list[int]] = {name: [0] * count for name, count in pipeline.units.items()}
        self.cycle = 0  # the first cycle in which the next instruction can issue on its own
        self._last: tuple[Instruction, Step, int] | None = None

    def issue(self, instruction: Instruction) -> None:
        step = self._pipeline.step(instruction)
        needed = max((self._wanted(register, instruction, step) for register in instruction.reads), default=0)
        unit = self._units.get(step.unit)
        needed = max(needed, min(unit) if unit else 0)
        when = max(self.cycle, needed)
        if self._last is not None:
            before, first, slot = self._last
            if slot >= needed and not (first.alone or step.alone) and self._pipeline.pairs(before, instruction):
                when = slot
        paired = when < self.cycle
        if unit:
            unit[unit.index(min(unit))] = when + step.busy
        for register in instruction.writes:
            self._ready[register] = when + step.latency
        self.cycle = max(self.cycle, when + step.issue)
        # A cycle has two places: a pair leaves none, and an instruction of several cycles takes them whole.
        self._last = None if paired or step.issue > 1 else (instruction, step, when)

    def _wanted(self, register: str, instruction: Instruction, step: Step) -> int:
        """The first cycle in which `instruction` can issue for what it reads from `register`."""
        ready = self._ready.get(register, 0)
        return ready - step.late if register in instruction.accumulator else ready + step.early


def steady_cycles(pipeline: Pipeline, instructions: Sequence[Instruction]) -> int:
    """Cycles of the block when it follows itself, so that the pipeline is as full as in a loop."""
    machine = _Machine(pipeline)
    for instruction in instructions:
        machine.issue(instruction)
    once = machine.cycle
    for instruction in instructions:
        machine.issue(instruction)
    return machine.cycle - once


_LONG = {"multiply", "long multiply", "accumulate", "long accumulate"}


def _m7_step(instruction: Instruction) -> Step:
    kind, name = instruction.kind, instruction.mnemonic
    if kind in _LONG:
        return Step(latency=2, late=1, unit="mac")
    if kind == "load":
        return Step(latency=1 if name.startswith(("ldr.", "ldr", "vldr")) and name[3:4] not in "bhs" else 2, early=1, unit="load")
    if kind == "store":
        return Step(unit="store")
    if kind in ("load double", "store double"):
        return Step(latency=1, early=1, alone=True)
    if kind in ("load multiple", "store multiple"):
        return Step(issue=1 + (instruction.count + 1) // 2, latency=2, early=1, alone=True)
    if kind == "extend":
        return Step(unit="simd")
    if kind == "saturate":
        return Step(latency=2, early=1, unit="simd")
    if kind == "divide":
        return Step(issue=7, latency=7, alone=True)
    if kind in ("branch", "call", "return"):
        return Step(unit="branch")
    if kind == "table branch":
        return Step(issue=2, alone=True)
    if kind in ("float", "float accumulate"):
        return Step(latency=3 if kind == "float" else 6, unit="float")
    if kind == "float divide":
        return Step(issue=14, latency=16, unit="float", alone=True)
    return Step(early=1, unit="shift") if instruction.shifted else Step(unit="alu")


M7 = Pipeline(
    _m7_step,
    lambda first, second: second.kind not in ("extend", "saturate"),
    {"alu": 2, "shift": 1, "mac": 1, "load": 2, "store": 1, "simd": 1, "branch": 1, "float": 1},
)


def _single_issue_step(instruction: Instruction) -> Step:
    """M33, and the scalar part of the M55: loads pipeline, their results are there a cycle later."""
    kind = instruction.kind
    if kind == "load":
        return Step(latency=2)
    if kind in ("load double", "store double"):
        return Step(issue=2, latency=2)
    if kind in ("load multiple", "store multiple"):
        return Step(issue=max(instruction.count, 1), latency=2)
    if kind in _LONG:
        return Step(latency=2 if kind in ("multiply", "long multiply") else 1)
    if kind == "divide":
        return Step(issue=6, latency=6)
    if kind == "float accumulate":
        return Step(latency=3)
    if kind == "float divide":
        return Step(issue=14, latency=14)
    if kind == "table branch":
        return Step(issue=2)
    return Step()


M33 = Pipeline(_single_issue_step, lambda first, second: False, {})

_VECTOR_UNITS = {
    "vector load": "vector memory",
    "vector store": "vector memory",
    "vector multiply": "vector multiplier",
    "vector integer": "vector integer",
}
_PARTNERS = {"nop", "it", "branch"}
_PARTNER_NAMES = {"add", "adds", "sub", "subs", "mov", "movs", "uxtb", "uxth", "sxtb", "sxth"}


def _m55_step(instruction: Instruction) -> Step:
    unit = _VECTOR_UNITS.get(instruction.kind)
    if unit is not None:  # two beats, which overlap with those of an instruction for another unit
        return Step(unit=unit, busy=2)
    if instruction.kind == "loop end":
        return Step(issue=0)
    if instruction.kind == "saturate" or instruction.kind in _LONG or instruction.shifted:
        return Step(latency=2)
    return _single_issue_step(instruction)


def _m55_pairs(first: Instruction, second: Instruction) -> bool:
    """Two 16-bit instructions, one of them a NOP, IT, branch, move, extension or addition (ARMScheduleM55.td)."""
    return (
        first.size == 2
        and second.size == 2
        and any(one.kind in _PARTNERS or one.mnemonic in _PARTNER_NAMES for one in (first, second))
    )


M55 = Pipeline(_m55_step, _m55_pairs, dict.fromkeys(_VECTOR_UNITS.values(), 1))


# ARMScheduleM85.td: loads and stores have pipes of their own, which a vector fills for two cycles.
_M85_VECTOR_UNITS = _VECTOR_UNITS | {"vector load": "vector load", "vector store": "vector store"}
_FIRST_PLACE = {"extend", "saturate", "float", "float accumulate", "vector multiply", "vector integer"}


def _m85_step(instruction: Instruction) -> Step:
    """Scalar instructions pass as on the M7, vector instructions much as on the M55."""
    unit = _M85_VECTOR_UNITS.get(instruction.kind)
    if unit is not None:
        return Step(unit=unit, busy=2)
    if instruction.kind == "loop end":
        return Step(issue=0)
    return _m7_step(instruction)


def _m85_pairs(first: Instruction, second: Instruction) -> bool:
    """A vector instruction ends its pair; arithmetic beside the two ALUs issues from the first of the two places only."""
    return first.kind not in _VECTOR_UNITS and second.kind not in _FIRST_PLACE


M85 = Pipeline(_m85_step, _m85_pairs, M7.units | {"store": 2} | dict.fromkeys(_M85_VECTOR_UNITS.values(), 1))
