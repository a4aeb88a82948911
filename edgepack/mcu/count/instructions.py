"""Executed instructions of one inference: in all, by function, by layer and by mnemonic; exact and repeatable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from edgepack.mcu.emulate.profile import BlockCounts
from edgepack.mcu.image.decode import Instruction, decode
from edgepack.mcu.image.elf import Elf


@dataclass(frozen=True)
class Block:
    """Straight-line code: its instructions, how often it ran and how often a taken branch left it, per inference."""

    start: int
    instructions: tuple[Instruction, ...]
    executed: float
    branched: float
    function: str
    owner: str


@dataclass(frozen=True)
class InstructionCounts:
    """Executed instructions of one inference (the mean, when several were counted).

    `per_function`: symbol -> instructions in that function itself. `per_layer`: layer -> instructions of its code in NAME_run
    and everything that it called; what belongs to no layer is under NAME_run. `mnemonics`: a histogram.
    """

    total: float
    runs: int
    per_function: dict[str, float]
    per_layer: dict[str, float]
    mnemonics: dict[str, float]


def blocks_of(elf: Elf, counts: BlockCounts) -> tuple[Block, ...]:
    """Every executed block, decoded; counts are per inference."""
    runs = max(counts.runs, 1)
    blocks = []
    for owner_index, block_index in zip(*np.nonzero(counts.executed), strict=True):
        start, size = int(counts.start[block_index]), int(counts.bytes[block_index])
        function = elf.function_at(start)
        blocks.append(
            Block(
                start,
                decode(elf.content(start, size), start),
                int(counts.executed[owner_index, block_index]) / runs,
                int(counts.branched[owner_index, block_index]) / runs,
                function.name if function is not None else f"{start:#x}",
                counts.owners[owner_index],
            )
        )
    return tuple(blocks)


def count_instructions(blocks: tuple[Block, ...], runs: int) -> InstructionCounts:
    """What the blocks add up to."""
    functions: Counter[str] = Counter()
    layers: Counter[str] = Counter()
    mnemonics: Counter[str] = Counter()
    for block in blocks:
        executed = block.executed * len(block.instructions)
        functions[block.function] += executed  # type: ignore[assignment]
        layers[block.owner] += executed  # type: ignore[assignment]
        for instruction in block.instructions:
            mnemonics[instruction.mnemonic] += block.executed  # type: ignore[assignment]
    return InstructionCounts(
        float(sum(functions.values())),
        runs,
        dict(functions.most_common()),
        dict(sorted(layers.items())),
        dict(mnemonics.most_common()),
    )
