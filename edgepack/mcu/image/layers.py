"""Where each layer of the generated C begins in the linked program, found without adding an instruction to it.

Generated code runs `NAME_BEFORE_LAYER(index); /* OPERATOR layer: shapes */` before each layer, which is nothing by default.
For measuring it becomes an assembler label whose address goes to a section of its own that is never loaded.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from edgepack.mcu.image.elf import Elf

# First address, end address and title of a stretch of code.
LayerRange = tuple[int, int, str]

_SECTION = ".edgepack_layers"
_CALL = r"\b{macro}\((\d+)\);[ \t]*(?:/\*\s*(.*?)\s*\*/)?"


def layer_marker(name: str) -> str:
    """The compiler flag that turns NAME_BEFORE_LAYER into a label."""
    label = r".Ledgepack_layer%="
    code = rf"""{label}:\n\t.pushsection {_SECTION},\"\",%%progbits\n\t.word {label}, %c0\n\t.popsection"""
    return f'-D{name.upper()}_BEFORE_LAYER(index)=__asm__ volatile("{code}" : : "i"(index))'


def layer_titles(folder: Path, name: str) -> dict[int, str]:
    """Index -> "03 CONV_2D conv2d_1" for each layer of NAME.c, from the comments beside the markers."""
    source = folder / f"{name}.c"
    if not source.is_file():
        return {}
    pattern = re.compile(_CALL.format(macro=re.escape(f"{name.upper()}_BEFORE_LAYER")))
    return {
        int(index): f"{int(index):02d} {(comment or '').split(':', 1)[0].strip()}".strip()
        for index, comment in pattern.findall(source.read_text(encoding="utf-8"))
        if comment
    }


def layer_ranges(elf: Elf, name: str, titles: dict[int, str]) -> tuple[LayerRange, ...]:
    """(first address, end address, title) of each stretch of NAME_run between two markers.

    What comes before the first marker and after the last (whose index has no title) belongs to NAME_run itself.
    """
    marks = sorted(struct.iter_unpack("<II", elf.section_content(_SECTION)))
    try:
        function = elf.symbol(f"{name}_run")
    except KeyError:
        return ()
    end = function.address + function.size
    inside = [(address & ~1, index) for address, index in marks if function.address <= address < end]
    stops = [*[address for address, _ in inside][1:], end]
    return tuple(
        (address, stop, titles[index])
        for (address, index), stop in zip(inside, stops, strict=False)
        if index in titles and stop > address
    )
