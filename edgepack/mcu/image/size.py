"""Flash and RAM of the model, read off the linked program; start-up, test loop and test buffers are left out."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.mcu.image.elf import Elf


@dataclass(frozen=True)
class Sizes:
    """Bytes in the linked program.

    `code`: the model's functions and the run-time library functions they need; `constants`: weights and tables;
    `initialised`: start values of writable data, which lie in flash too. `arena`: the caller-owned working memory;
    `data`: writable globals. `io`: the caller's input and output buffers, which are in neither `ram` nor `arena`.
    """

    code: int
    constants: int
    initialised: int
    arena: int
    data: int
    io: int

    @property
    def flash(self) -> int:
        """Everything the model adds to a firmware's flash."""
        return self.code + self.constants + self.initialised

    @property
    def ram(self) -> int:
        """Arena and writable globals; stack, inputs and outputs come on top."""
        return self.arena + self.data


def sizes_of(elf: Elf) -> Sizes:
    """Sizes of a program built by toolchain.program.build_emulated, whose linker script keeps the harness apart."""
    sections = {section.name: section.size for section in elf.sections}
    arena = elf.symbol("edgepack_arena").size
    harness = next(section for section in elf.sections if section.name == ".harness_bss")
    io = sum(
        symbol.size
        for symbol in elf.symbols
        if symbol.name.startswith(("input_", "output_")) and 0 <= symbol.address - harness.address < harness.size
    )
    return Sizes(
        code=sections.get(".text", 0),
        constants=sections.get(".rodata", 0),
        initialised=sections.get(".data", 0),
        arena=arena,
        data=sections.get(".data", 0) + sections.get(".bss", 0),
        io=io,
    )
