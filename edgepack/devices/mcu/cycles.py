"""Estimating processor cycles from executed instructions: each core's published timings, applied to an exact histogram.

An estimate, never a measurement: no emulator here models time. docs/reference/cycle-estimates.md compares it with
published pairs of instructions and measured cycles.

Sources: Cortex-M0+ TRM (DDI 0484C) 3.3; Cortex-M3 TRM (DDI 0337I) 3.3; Cortex-M4 TRM (100166_0001) 3.3. Arm publishes no
table for M7, M33 and M55; their models are built from what Arm publishes about the pipelines and say so in `basis`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgepack.devices.mcu.instructions import Block, Instruction

_LOADS = ("ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "ldrd", "ldm", "pop", "vldr", "vldm", "vldmia", "vpop")
_SHIFTED_REGISTER = re.compile(r", (lsl|lsr|asr|ror)")
_CONDITIONS = ["eq", "ne", "hs", "cs", "lo", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le"]


@dataclass(frozen=True)
class CycleEstimate:
    """Estimated cycles of one inference, how they were come by, and how far off they may be."""

    cycles: float
    basis: str
    error: str


@dataclass(frozen=True)
class _Timing:
    """A core's model: cycles of one instruction given the one before in its block, and of a taken branch on top."""

    cost: Callable[[Instruction, Instruction | None], float]
    taken_branch: float
    basis: str
    error: str


def estimate_cycles(blocks: Sequence[Block], core: str, flash_wait_states: int = 0) -> CycleEstimate:
    """Cycles of one inference on `core`.

    `flash_wait_states` is for parts without cache or prefetch: every 16 bytes fetched in line then cost that many cycles,
    and so does every taken branch. 0 suits parts with an accelerator or code in RAM.
    """
    timing = _TIMINGS[core]
    total = 0.0
    for block in blocks:
        before: Instruction | None = None
        cycles = 0.0
        for instruction in block.instructions:
            cycles += timing.cost(instruction, before)
            before = instruction
        size = sum(instruction.size for instruction in block.instructions)
        total += block.executed * (cycles + flash_wait_states * size / 16)
        total += block.branched * (timing.taken_branch + flash_wait_states)
    basis = timing.basis + (f", {flash_wait_states} flash wait states" if flash_wait_states else "")
    return CycleEstimate(total, basis, timing.error)


def _base(mnemonic: str) -> str:
    """The mnemonic without type suffix, condition and flag setting: "ldrbne" -> "ldrb", "vmul.f32" -> "vmul"."""
    name = mnemonic.split(".", 1)[0]
    for stem in (name, name[:-2] if name[-2:] in _CONDITIONS else name):
        if stem in _KNOWN:
            return stem
    return name


def _registers(operands: str) -> int:
    """How many registers a list such as "{r4, r5-r7, pc}" names."""
    inside = operands[operands.find("{") + 1 : operands.find("}")] if "{" in operands else ""
    count = 0
    for item in filter(None, (part.strip() for part in inside.split(","))):
        first, _, last = item.partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count


_KNOWN = {
    *_LOADS, "str", "strb", "strh", "strd", "stm", "push", "vstr", "vstm", "vstmia", "vpush", "mul", "muls", "mla", "mls",
    "umull", "smull", "umlal", "smlal", "umaal", "sdiv", "udiv", "b", "bl", "bx", "blx", "cbz", "cbnz", "tbb", "tbh",
    "vdiv", "vsqrt", "vmla", "vfma", "vmls", "vfms", "nop", "it",
}  # fmt: skip
_STORES = {"str", "strb", "strh", "vstr"}
_SINGLE_LOADS = {"ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "vldr"}
_MULTIPLE = {"ldm", "pop", "stm", "push", "vldm", "vldmia", "vpop", "vstm", "vstmia", "vpush"}


def _m4_cost(instruction: Instruction, before: Instruction | None) -> float:
    """M4 TRM table 3-1: 1 for arithmetic, multiplies, SIMD and stores; loads 2, or 1 right after another load or store."""
    name = _base(instruction.mnemonic)
    if name in _SINGLE_LOADS:
        previous = _base(before.mnemonic) if before is not None else ""
        return 1 if previous in _SINGLE_LOADS or previous in _STORES else 2
    if name in ("ldrd", "strd"):
        return 3
    if name in _MULTIPLE:
        return 1 + _registers(instruction.operands)
    if name in ("sdiv", "udiv"):
        return 7
    if name in ("vdiv", "vsqrt"):
        return 14
    if name in ("vmla", "vfma", "vmls", "vfms"):
        return 3
    if name.startswith("it") and set(name[2:]) <= {"t", "e"}:
        return 0.5
    return 1


def _m3_cost(instruction: Instruction, before: Instruction | None) -> float:
    """M3 TRM table 3-1: as the M4, but multiply-accumulate 2 and long multiplies 3 to 7."""
    name = _base(instruction.mnemonic)
    if name in ("mla", "mls"):
        return 2
    if name in ("umull", "smull"):
        return 4
    if name in ("umlal", "smlal"):
        return 6
    return _m4_cost(instruction, before)


def _m0plus_cost(instruction: Instruction, _before: Instruction | None) -> float:
    """M0+ TRM table 3-1: loads and stores 2, LDM/STM 1+N, MUL 1 with the fast multiplier."""
    name = _base(instruction.mnemonic)
    if name in _SINGLE_LOADS or name in _STORES:
        return 2
    if name in _MULTIPLE:
        return 1 + _registers(instruction.operands)
    if name == "bl":
        return 2
    return 1


_TIMINGS: dict[str, _Timing] = {
    "cortex-m0plus": _Timing(_m0plus_cost, 1, "Cortex-M0+ TRM table 3-1", "within about 10 % without flash wait states"),
    "cortex-m3": _Timing(_m3_cost, 2, "Cortex-M3 TRM table 3-1", "0 to 30 % low on parts with flash wait states"),
    "cortex-m4": _Timing(_m4_cost, 2, "Cortex-M4 TRM table 3-1", "0 to 30 % low on parts with flash wait states"),
    "cortex-m7": _Timing(lambda i, b: 0.6 * _m4_cost(i, b), 1, "M4 table at the M7's dual issue", "about 25 %"),
    "cortex-m33": _Timing(lambda i, b: 0.9 * _m4_cost(i, b), 2, "M4 table at the M33's pipeline", "about 15 %"),
    "cortex-m55": _Timing(lambda i, b: 1.2, 1, "instructions at 1.2 cycles", "about 40 %"),
}
