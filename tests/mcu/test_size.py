"""Flash and RAM: against GNU size and nm on the same program, and against what was compiled in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.cores import find_core
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.image.size import sizes_of
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import build_emulated, ports_of, write_files
from edgepack.measure.mcu.emulated import bench_mcu
from tests.mcu import tiny_model
from tests.mcu.conftest import build_tiny, require


def gnu_sections(elf: Path) -> dict[str, int]:
    listing = subprocess.run(["arm-none-eabi-size", "-A", str(elf)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[1].isdigit()}


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
def test_sizes_are_those_of_gnu_size(tmp_path: Path, cpu: str, toolchain: str) -> None:
    require(toolchain, "arm-none-eabi-size")
    program = build_tiny(tmp_path, cpu, toolchain)
    sizes, sections = sizes_of(read_elf(program.elf)), gnu_sections(program.elf)
    assert (sizes.code, sizes.constants) == (sections[".text"], sections[".rodata"])
    assert sizes.flash == sections[".text"] + sections[".rodata"] + sections[".data"]
    assert sizes.data == sections[".data"] + sections[".bss"] == 0
    assert sizes.arena == tiny_model.HIDDEN and sizes.io == tiny_model.INPUTS + tiny_model.OUTPUTS
    assert sizes.ram == sizes.arena


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
def test_weights_show_byte_for_byte(tmp_path: Path, toolchain: str) -> None:
    require(toolchain)
    sizes = sizes_of(read_elf(build_tiny(tmp_path, "cortex-m4", toolchain).elf))
    assert sizes.constants == tiny_model.W0.size + tiny_model.W1.size


def test_start_up_and_test_loop_are_not_the_models(tmp_path: Path) -> None:
    """Every function counted as the model's is the model's or the compiler's run-time library's."""
    require("gcc", "arm-none-eabi-nm")
    program = build_tiny(tmp_path, "cortex-m0plus", "gcc")
    elf = read_elf(program.elf)
    text = next(section for section in elf.sections if section.name == ".text")
    inside = {symbol.name for symbol in elf.functions() if text.address <= symbol.address < text.address + text.size}
    assert "tiny_run" in inside
    assert not inside & {"Reset_Handler", "harness_main", "harness_call", "edgepack_report_fault", "edgepack_fault"}


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
def test_writable_globals_count_as_ram_and_their_values_as_flash(tmp_path: Path, toolchain: str) -> None:
    require(toolchain)
    header = "#include <stdint.h>\n#define G_ARENA_SIZE 32\nint g_run(const int8_t *input, int8_t *output, void *arena);\n"
    source = (
        '#include "g.h"\nstatic volatile int32_t table[25] = {7};\nstatic volatile int8_t zeros[40];\n'
        "int g_run(const int8_t *input, int8_t *output, void *arena)\n"
        "{ (void)arena; output[0] = (int8_t)(table[0] + zeros[input[0]]); table[1]++; zeros[2]++; return 0; }\n"
    )
    folder = write_files({"g.h": header, "g.c": source}, tmp_path / "code")
    x, y = np.zeros((1, 4), np.int8), np.zeros((1, 1), np.int8)
    program = build_emulated(
        folder, "g", find_core("cortex-m4"), ports_of((x,)), ports_of((y,)), find_toolchain(toolchain), tmp_path / "b"
    )
    sizes = sizes_of(read_elf(program.elf))
    assert sizes.initialised == 100 and sizes.data == 140 and sizes.ram == 172
    if toolchain == "zig":
        require("unicorn")
    # The start values must have been copied from flash before the first call.
    result = bench_mcu(folder, "g", "cortex-m4", (x,), (np.array([[7]], np.int8),), toolchain=toolchain)
    assert result.parity.differing == 0


def test_the_stack_is_measured_to_the_byte() -> None:
    require("zig", "unicorn")
    header = "#include <stdint.h>\n#define S_ARENA_SIZE 16\nint s_run(const int8_t *input, int8_t *output, void *arena);\n"
    depth = 1024
    body = f"push {{r4, lr}}\\n\\tsub sp, #{depth - 520}\\n\\tsub sp, #512\\n\\tstr r0, [sp]\\n\\tadd sp, #{depth - 520}"
    body += "\\n\\tadd sp, #512\\n\\tmovs r0, #0\\n\\tpop {r4, pc}"
    source = (
        '#include "s.h"\n__attribute__((naked)) int s_run(const int8_t *input, int8_t *output, void *arena)\n'
        f'{{ __asm__ volatile("{body}"); }}\n'
    )
    x = np.zeros((1, 4), np.int8)
    result = bench_mcu({"s.h": header, "s.c": source}, "s", "cortex-m4", (x,), outputs_like=(x,))
    # harness_call's own frame lies between: two registers and the status.
    assert depth <= result.stack_bytes <= depth + 24
