"""Executed instructions of one inference: in all, by function, by layer and by mnemonic; exact and repeatable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from edgepack.devices.mcu.elf import Elf
from edgepack.devices.mcu.profile import BlockCounts

# Thumb-2 encodings of 32 bits start with 0b11101, 0b11110 or 0b11111 (Armv7-M ARM, A5.1).
_FIRST_WIDE_HALF_WORD = 0xE800


@dataclass(frozen=True)
class Instruction:
    """One decoded instruction: mnemonic without width suffix, operand text, bytes."""

    address: int
    mnemonic: str
    operands: str
    size: int


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
                _decode(elf.content(start, size), start),
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


def instruction_sizes(code: bytes) -> list[int]:
    """Bytes of each Thumb instruction in `code`."""
    sizes, offset = [], 0
    while offset < len(code):
        size = 4 if int.from_bytes(code[offset : offset + 2], "little") >= _FIRST_WIDE_HALF_WORD else 2
        sizes.append(size)
        offset += size
    return sizes


@lru_cache(maxsize=65536)
def _decode(code: bytes, start: int) -> tuple[Instruction, ...]:
    decoder = _decoder()
    instructions, offset = [], 0
    for size in instruction_sizes(code):
        raw = code[offset : offset + size]
        known = next(decoder.disasm_lite(raw, start + offset, 1), None)
        mnemonic, operands = (known[2].removesuffix(".w"), known[3]) if known is not None and known[1] == size else _unknown(raw)
        instructions.append(Instruction(start + offset, mnemonic, operands, size))
        offset += size
    return tuple(instructions)


def _unknown(raw: bytes) -> tuple[str, str]:
    """A name for what capstone cannot decode, such as the vector extension of the M55."""
    return "unknown", raw.hex()


@lru_cache(maxsize=1)
def _decoder():  # type: ignore[no-untyped-def]
    import capstone

    return capstone.Cs(capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB + capstone.CS_MODE_MCLASS + capstone.CS_MODE_V8)
