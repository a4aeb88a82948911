"""Execution counts of code blocks: the tables shared with native/profile.h, and what they add up to."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgepack.mcu.image.elf import Elf

BLOCK_CAPACITY = 32768


class ProfileTable(ctypes.Structure):
    """`struct profile` of native/profile.h."""

    _fields_ = (
        ("code_start", ctypes.c_uint32),
        ("code_bytes", ctypes.c_uint32),
        ("entry", ctypes.c_uint32),
        ("caller_start", ctypes.c_uint32),
        ("caller_end", ctypes.c_uint32),
        ("owner_count", ctypes.c_uint32),
        ("block_capacity", ctypes.c_uint32),
        ("owner_of", ctypes.c_void_p),
        ("block_of", ctypes.c_void_p),
        ("block_start", ctypes.c_void_p),
        ("block_bytes", ctypes.c_void_p),
        ("executed", ctypes.c_void_p),
        ("branched", ctypes.c_void_p),
        ("active", ctypes.c_uint32),
        ("runs", ctypes.c_uint32),
        ("owner", ctypes.c_uint32),
        ("block_count", ctypes.c_uint32),
        ("lost", ctypes.c_uint32),
        ("resized", ctypes.c_uint32),
        ("previous", ctypes.c_uint32),
        ("previous_end", ctypes.c_uint32),
        ("previous_owner", ctypes.c_uint32),
    )


@dataclass(frozen=True)
class ProfilePlan:
    """What to count: the function `entry`, called from `caller`, and the owners its code is charged to.

    `owners` are names; `ranges` gives (first address, end address, owner index): executing code there switches the owner.
    Owner 0 is the function itself.
    """

    entry: int
    caller: tuple[int, int]
    code: tuple[int, int]
    owners: tuple[str, ...]
    ranges: tuple[tuple[int, int, int], ...]

    def owner_table(self) -> NDArray[np.uint16]:
        """For each half-word of the code, the owner to switch to plus one, or 0."""
        table = np.zeros((self.code[1] - self.code[0]) // 2, dtype=np.uint16)
        for start, end, owner in self.ranges:
            table[(start - self.code[0]) // 2 : (end - self.code[0]) // 2] = owner + 1
        return table


@dataclass(frozen=True)
class BlockCounts:
    """How often each block ran, per owner, over `runs` inferences.

    `start` and `bytes` have one entry a block; `executed` and `branched` (left by a taken branch) are (owners, blocks).
    `inexact` is how many executions could not be counted or came with another length: 0, or the counts are void.
    """

    runs: int
    owners: tuple[str, ...]
    start: NDArray[np.uint32]
    bytes: NDArray[np.uint32]
    executed: NDArray[np.uint64]
    branched: NDArray[np.uint64]
    inexact: int


class ProfileArrays:
    """The arrays behind a ProfileTable; they must outlive the emulation."""

    def __init__(self, plan: ProfilePlan) -> None:
        half_words, owners = (plan.code[1] - plan.code[0]) // 2, len(plan.owners)
        self.plan = plan
        self.owner_of = plan.owner_table()
        self.block_of = np.zeros(half_words, dtype=np.uint32)
        self.start = np.zeros(BLOCK_CAPACITY, dtype=np.uint32)
        self.bytes = np.zeros(BLOCK_CAPACITY, dtype=np.uint32)
        self.executed = np.zeros((owners, BLOCK_CAPACITY), dtype=np.uint64)
        self.branched = np.zeros((owners, BLOCK_CAPACITY), dtype=np.uint64)
        self.table = ProfileTable(
            code_start=plan.code[0],
            code_bytes=plan.code[1] - plan.code[0],
            entry=plan.entry,
            caller_start=plan.caller[0],
            caller_end=plan.caller[1],
            owner_count=owners,
            block_capacity=BLOCK_CAPACITY,
            owner_of=self.owner_of.ctypes.data,
            block_of=self.block_of.ctypes.data,
            block_start=self.start.ctypes.data,
            block_bytes=self.bytes.ctypes.data,
            executed=self.executed.ctypes.data,
            branched=self.branched.ctypes.data,
        )

    def counts(self) -> BlockCounts:
        """What was counted."""
        blocks = self.table.block_count
        return BlockCounts(
            self.table.runs,
            self.plan.owners,
            self.start[:blocks].copy(),
            self.bytes[:blocks].copy(),
            self.executed[:, :blocks].copy(),
            self.branched[:, :blocks].copy(),
            self.table.lost + self.table.resized,
        )


def plan_profile(elf: Elf, entry: str, layers: Sequence[tuple[int, int, str]] = (), caller: str = "harness_call") -> ProfilePlan:
    """Count function `entry`, which `caller` calls; `layers` are stretches of its code (first address, end, title)."""
    function, calling = elf.symbol(entry), elf.symbol(caller)
    code = [(part.address, part.address + part.size) for part in elf.sections if part.name in (".harness_text", ".text")]
    owners = [entry]
    ranges = [(function.address, function.address + function.size, 0)]
    for start, end, title in layers:
        if title not in owners:
            owners.append(title)
        ranges.append((start, end, owners.index(title)))
    return ProfilePlan(
        function.address,
        (calling.address, calling.address + calling.size),
        (min(start for start, _ in code), max(end for _, end in code)),
        tuple(owners),
        tuple(ranges),
    )
