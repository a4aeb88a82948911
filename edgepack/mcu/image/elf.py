"""What a linked ELF says: segments to load, symbols with their sizes, sections, and the source line of an address."""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Symbol:
    """A function or object: first address (Thumb bit removed), bytes, and whether it is code."""

    name: str
    address: int
    size: int
    is_function: bool


@dataclass(frozen=True)
class Segment:
    """Bytes to load at a physical address."""

    address: int
    data: bytes


@dataclass(frozen=True)
class Section:
    """An output section: address, bytes, whether it takes up memory on the device, and whether the file holds its content."""

    name: str
    address: int
    size: int
    allocated: bool
    has_content: bool


@dataclass(frozen=True)
class Elf:
    """A linked program for a 32-bit Arm core."""

    file: Path
    entry: int
    segments: tuple[Segment, ...]
    symbols: tuple[Symbol, ...]
    sections: tuple[Section, ...]

    def symbol(self, name: str) -> Symbol:
        """The symbol called `name`; KeyError when there is none."""
        for symbol in self.symbols:
            if symbol.name == name:
                return symbol
        raise KeyError(name)

    def functions(self) -> tuple[Symbol, ...]:
        """Every function with its own address range, by address; aliases of one address are given once."""
        return _functions(self.file, self.symbols)

    def function_at(self, address: int) -> Symbol | None:
        """The function that `address` lies in."""
        functions = self.functions()
        index = bisect.bisect_right([symbol.address for symbol in functions], address) - 1
        if index < 0 or address >= functions[index].address + functions[index].size:
            return None
        return functions[index]

    def describe(self, address: int) -> str:
        """`kws_run+0x12 (kws.c:40)` for a code address, as far as symbols and line table know; else the bare address."""
        address &= ~1
        function = self.function_at(address)
        place = f"{function.name}+{address - function.address:#x}" if function is not None else f"{address:#010x}"
        line = LineTable.of(self.file).find(address)
        return f"{place} ({line[0]}:{line[1]})" if line is not None else place

    def section_content(self, name: str) -> bytes:
        """The bytes of a section that need not be loaded; none when there is no such section."""
        from elftools.elf.elffile import ELFFile

        with self.file.open("rb") as stream:
            section = ELFFile(stream).get_section_by_name(name)
            return bytes(section.data()) if section is not None else b""

    def memory(self, start: int, end: int) -> bytes:
        """The loaded bytes from `start` up to `end`; zeros where the file has none."""
        image = bytearray(end - start)
        for segment in self.segments:
            first, last = max(start, segment.address), min(end, segment.address + len(segment.data))
            if first < last:
                image[first - start : last - start] = segment.data[first - segment.address : last - segment.address]
        return bytes(image)

    def model_image(self) -> dict[str, bytes]:
        """Code and constants of the model and the libraries it needs, by section."""
        parts = (part for part in self.sections if part.name in (".text", ".rodata"))
        return {part.name: self.memory(part.address, part.address + part.size) for part in parts}

    def content(self, address: int, size: int) -> bytes:
        """`size` loaded bytes at `address`; KeyError when they are not in the file."""
        for segment in self.segments:
            if segment.address <= address and address + size <= segment.address + len(segment.data):
                return segment.data[address - segment.address : address - segment.address + size]
        raise KeyError(address)


@dataclass(frozen=True)
class LineTable:
    """The DWARF line table: `starts` ascending; `places` holds (file name, line) or None where a sequence has ended."""

    starts: tuple[int, ...]
    places: tuple[tuple[str, int] | None, ...]

    def find(self, address: int) -> tuple[str, int] | None:
        """File name without folder, and line, of the instruction at `address`."""
        index = bisect.bisect_right(self.starts, address) - 1
        return self.places[index] if index >= 0 else None

    @staticmethod
    @lru_cache(maxsize=8)
    def of(file: Path) -> LineTable:
        """The line table of an ELF; empty without debug information."""
        from elftools.elf.elffile import ELFFile

        rows: list[tuple[int, tuple[str, int] | None]] = []
        with file.open("rb") as stream:
            elf = ELFFile(stream)
            if elf.has_dwarf_info():
                dwarf = elf.get_dwarf_info()
                for unit in dwarf.iter_CUs():
                    rows += _line_rows(dwarf.line_program_for_CU(unit))
        # A row that ends a sequence must not hide one that starts another at the same address.
        rows.sort(key=lambda row: (row[0], row[1] is not None))
        return LineTable(tuple(row[0] for row in rows), tuple(row[1] for row in rows))


def read_elf(file: Path) -> Elf:
    """Read a linked ELF."""
    from elftools.elf.elffile import ELFFile

    with file.open("rb") as stream:
        elf = ELFFile(stream)
        segments = tuple(
            Segment(segment["p_paddr"], segment.data())
            for segment in elf.iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
        )
        table: Any = elf.get_section_by_name(".symtab")
        symbols = tuple(
            Symbol(
                symbol.name,
                symbol["st_value"] & ~1 if symbol["st_info"]["type"] == "STT_FUNC" else symbol["st_value"],
                symbol["st_size"],
                symbol["st_info"]["type"] == "STT_FUNC",
            )
            for symbol in (table.iter_symbols() if table is not None else ())
            if symbol.name and symbol["st_shndx"] != "SHN_UNDEF" and not symbol.name.startswith("$")
        )
        sections = tuple(
            Section(
                section.name,
                section["sh_addr"],
                section["sh_size"],
                bool(section["sh_flags"] & 2),
                section["sh_type"] != "SHT_NOBITS",
            )
            for section in elf.iter_sections()
        )
        return Elf(file, elf["e_entry"] & ~1, segments, symbols, sections)


@lru_cache(maxsize=8)
def _functions(file: Path, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    chosen: dict[int, Symbol] = {}
    for symbol in symbols:
        if symbol.is_function and symbol.size:
            known = chosen.get(symbol.address)
            if known is None or ("." in known.name, known.name) > ("." in symbol.name, symbol.name):
                chosen[symbol.address] = symbol
    return tuple(sorted(chosen.values(), key=lambda symbol: symbol.address))


def _line_rows(program: Any) -> list[tuple[int, tuple[str, int] | None]]:
    if program is None:
        return []
    entries, version = program["file_entry"], program["version"]
    rows: list[tuple[int, tuple[str, int] | None]] = []
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        index = state.file if version >= 5 else state.file - 1
        name = entries[index].name.decode(errors="replace") if 0 <= index < len(entries) else "?"
        rows.append((state.address, None if state.end_sequence else (name.rsplit("/", 1)[-1], state.line)))
    return rows
