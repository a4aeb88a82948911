"""Reading ELF files: addresses, functions and lines, against GNU addr2line, nm and objcopy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edgepack.mcu.image.elf import LineTable, read_elf
from edgepack.mcu.toolchain.program import Program
from tests.mcu.conftest import build_tiny, require


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
def test_places_are_those_of_addr2line(tmp_path: Path, toolchain: str) -> None:
    require(toolchain, "arm-none-eabi-addr2line")
    program = build_tiny(tmp_path, "cortex-m4", toolchain)
    elf = read_elf(program.elf)
    run = elf.symbol("tiny_run")
    addresses = list(range(run.address, run.address + run.size, 2))
    command = ["arm-none-eabi-addr2line", "-f", "-e", str(program.elf), *map(hex, addresses)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    table, compared = LineTable.of(program.elf), 0
    for address, function, place in zip(addresses, lines[::2], lines[1::2], strict=True):
        match = re.match(r".*/(\S+):(\d+)", place)
        if function == "tiny_run" and match:
            assert table.find(address) == (match.group(1), int(match.group(2)))
            assert elf.describe(address | 1).startswith("tiny_run+")
            compared += 1
    assert compared > 5


def test_functions_are_those_of_nm(tiny_m4: Program) -> None:
    require("arm-none-eabi-nm")
    listing = subprocess.run(["arm-none-eabi-nm", "-S", str(tiny_m4.elf)], capture_output=True, text=True, check=True).stdout
    elf = read_elf(tiny_m4.elf)
    for address, size, name in re.findall(
        r"^([0-9a-f]{8}) ([0-9a-f]{8}) [tT] (tiny_run|dense|Reset_Handler|harness_main)$", listing, re.M
    ):
        symbol = elf.symbol(name)
        assert (symbol.address, symbol.size) == (int(address, 16) & ~1, int(size, 16))
        middle = elf.function_at(symbol.address + symbol.size // 2)
        assert middle is not None and middle.name == name
    assert elf.function_at(0xFFFF0000) is None


def test_content_is_that_of_objcopy(tiny_m4: Program, tmp_path: Path) -> None:
    require("arm-none-eabi-objcopy")
    image = tmp_path / "image.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", str(tiny_m4.elf), str(image)], check=True)
    elf = read_elf(tiny_m4.elf)
    text = next(section for section in elf.sections if section.name == ".text")
    assert elf.memory(text.address, text.address + text.size) == image.read_bytes() == elf.section_content(".text")
    assert elf.content(text.address, 8) == image.read_bytes()[:8]
    with pytest.raises(KeyError):
        elf.content(0x6000_0000, 4)
