"""Executed instructions: against hand-counted assembly, against another emulator, and against QEMU's instruction clock."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.cores import CORES, find_core
from edgepack.mcu.boards.serial_board import run_on_serial
from edgepack.mcu.count.instructions import blocks_of
from edgepack.mcu.emulate.profile import plan_profile
from edgepack.mcu.emulate.qemu import run_on_qemu
from edgepack.mcu.emulate.unicorn import run_on_unicorn
from edgepack.mcu.image.decode import decode, instruction_sizes
from edgepack.mcu.image.elf import read_elf
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.mcu.toolchain.program import Program, build_emulated, ports_of, write_files
from edgepack.measure.mcu.emulated import bench_mcu
from tests.mcu import boards_on_qemu, tiny_model
from tests.mcu.conftest import require

X = np.zeros((3, 4), np.int8)
HEADER = "#include <stdint.h>\n#define ASM_ARENA_SIZE 16\nint asm_run(const int8_t *input, int8_t *output, void *arena);\n"


def assembly(body: str) -> dict[str, str]:
    text = "\\n\\t".join(line.strip() for line in body.strip().splitlines())
    function = "__attribute__((naked)) int asm_run(const int8_t *input, int8_t *output, void *arena)"
    return {"asm.h": HEADER, "asm.c": f'#include "asm.h"\n{function}\n{{\n    __asm__ volatile("{text}");\n}}\n'}


# 1 + 100 * 2 + 2; on the M4 1 + 100 + 99 * 3 + 1 + 1 + 3 cycles: a taken branch costs two more than one not taken.
LOOP = """
    movs r3, #100
    1: subs r3, #1
    bne 1b
    movs r0, #0
    bx lr
"""
# 3,002 instructions that cross three of the emulators' pages of 1 KiB; the 32-bit ones also lie across page borders.
LONG = """
    .rept 1000
    movs r3, #1
    ldr.w r2, [r0]
    adds r3, #1
    .endr
    movs r0, #0
    bx lr
"""
# 2 + 10 * (call 1 + callee 4) + 10 * 2 + 3: a function called in a loop, PUSH and POP of the return address.
CALLS = """
    push {r4, lr}
    movs r4, #10
    1: bl 2f
    subs r4, #1
    bne 1b
    movs r0, #0
    pop {r4, pc}
    2: push {r0, r1}
    adds r0, #1
    pop {r0, r1}
    bx lr
"""


@pytest.mark.parametrize("emulator", ["unicorn", "qemu"])
@pytest.mark.parametrize("cpu", CORES)
@pytest.mark.parametrize(
    ("body", "count"), [(LOOP, 203), (LONG, 3002), (CALLS, 2 + 10 * (1 + 4 + 2) + 2)], ids=["loop", "long", "calls"]
)
def test_hand_counted_assembly(cpu: str, emulator: str, body: str, count: int) -> None:
    require("zig", emulator)
    if emulator == "unicorn" and CORES[cpu].unicorn_model is None:
        pytest.skip(f"unicorn has no {CORES[cpu].title}")
    if "armv6m" in CORES[cpu].features:
        body = body.replace("ldr.w", "ldr")
    result = bench_mcu(assembly(body), "asm", cpu, (X,), outputs_like=(X,), emulator=emulator, count_runs=3)
    assert result.instructions == count


def test_predicated_instructions_count_whether_or_not_they_act() -> None:
    require("zig", "unicorn")
    body = "cmp r0, #0\nite eq\nmoveq r0, #1\nmovne r0, #2\nmovs r0, #0\nbx lr"
    assert bench_mcu(assembly(body), "asm", "cortex-m4", (X,), outputs_like=(X,)).instructions == 6


def test_low_overhead_loops_count_each_round() -> None:
    require("zig", "qemu")
    body = "movs r3, #8\ndls lr, r3\n1: nop\nle lr, 1b\nmovs r0, #0\npop {r4, pc}"
    result = bench_mcu(assembly("push {r4, lr}\n" + body), "asm", "cortex-m55", (X,), outputs_like=(X,))
    assert result.instructions == 1 + 2 + 8 * 2 + 2
    assert result.mnemonics["loop end"] == 8


@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
@pytest.mark.parametrize("cpu", [name for name, core in CORES.items() if core.unicorn_model is not None])
def test_unicorn_and_qemu_count_the_same(tmp_path: Path, cpu: str, toolchain: str) -> None:
    require(toolchain, "unicorn", "qemu")
    x = tiny_model.inputs(3)
    folder = write_files(tiny_model.FILES, tmp_path / "code")
    ports = ports_of((x,)), ports_of((tiny_model.reference(x),))
    program = build_emulated(folder, "tiny", find_core(cpu), *ports, find_toolchain(toolchain), tmp_path / "build")
    elf = read_elf(program.elf)
    plan = plan_profile(elf, "tiny_run")
    counted = []
    for run in (run_on_unicorn, run_on_qemu):
        done = run(program, (x,), plan)
        assert done.counts is not None and done.counts.inexact == 0
        per_address: dict[int, float] = {}
        for block in blocks_of(elf, done.counts):
            for instruction in block.instructions:
                per_address[instruction.address] = per_address.get(instruction.address, 0) + block.executed
        counted.append((per_address, done.outputs[0].tolist(), done.stack_bytes))
    assert counted[0] == counted[1]


def test_qemus_instruction_clock_agrees(tmp_path: Path) -> None:
    """-icount shift=0 gives each instruction 1 ns, and SysTick of the mps2-an386 25 MHz: one tick is 40 instructions."""
    require("zig", "qemu", "unicorn")
    body = "movs r3, #0\nmovt r3, #2\n1: subs r3, #1\nbne 1b\nmovs r0, #0\nbx lr"
    exact = bench_mcu(assembly(body), "asm", "cortex-m4", (X,), outputs_like=(X,)).instructions
    assert exact == 2 + 2 * 131072 + 2
    elf = boards_on_qemu.build(tmp_path, assembly(body), "asm", X[:1], X[:1])
    with boards_on_qemu.start(elf, "-icount", "shift=0") as port:
        report = run_on_serial(port, timeout_s=60)
    counted = np.array(report.cycles) * 40
    # The two readings of the counter and the call between them take some thirty instructions; a tick is forty.
    assert np.all(np.abs(counted - exact) <= 120), (counted, exact)


def test_the_count_is_repeatable_and_the_mean_of_the_counted_inferences(tiny_m4: Program) -> None:
    require("unicorn")
    elf = read_elf(tiny_m4.elf)
    plan = plan_profile(elf, "tiny_run")
    x = tiny_model.inputs(4)

    def total(inputs: np.ndarray) -> float:
        done = run_on_unicorn(tiny_m4, (inputs,), plan)
        assert done.counts is not None and done.counts.runs == len(inputs)
        return sum(block.executed * len(block.instructions) for block in blocks_of(elf, done.counts))

    singles = [total(x[index : index + 1]) for index in range(4)]
    assert total(x) == pytest.approx(np.mean(singles)) and total(x[:1]) == singles[0]


def test_functions_and_layers_add_up_to_the_whole() -> None:
    require("zig", "unicorn")
    x = tiny_model.inputs(1)
    result = bench_mcu(tiny_model.FILES, "tiny", "cortex-m4", (x,), (tiny_model.reference(x),))
    assert sum(result.per_function.values()) == result.instructions == sum(result.per_layer.values())
    assert sum(result.mnemonics.values()) == result.instructions
    assert set(result.per_layer) == {"tiny_run", "00 FULLY_CONNECTED hidden", "01 FULLY_CONNECTED scores"}
    hidden, scores = result.per_layer["00 FULLY_CONNECTED hidden"], result.per_layer["01 FULLY_CONNECTED scores"]
    macs = tiny_model.INPUTS * tiny_model.HIDDEN / (tiny_model.HIDDEN * tiny_model.OUTPUTS)
    assert hidden / scores == pytest.approx(macs, rel=0.2)
    assert result.per_layer["tiny_run"] < 30


@pytest.mark.parametrize("cpu", ["cortex-m0plus", "cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("toolchain", ["zig", "gcc"])
def test_finding_layers_adds_no_instruction(tmp_path: Path, cpu: str, toolchain: str) -> None:
    """The measured object has the instructions of one compiled as a product would be; a compiler may order them otherwise."""
    from edgepack.mcu.image.layers import layer_marker
    from edgepack.mcu.toolchain.compilers import compile_objects

    require(toolchain)
    folder = write_files(tiny_model.FILES, tmp_path / "code")
    compiler, core = find_toolchain(toolchain), find_core(cpu)
    plain = compile_objects(compiler, core, [folder / "tiny.c"], [folder], tmp_path / "plain")[0]
    marked = compile_objects(
        compiler, core, [folder / "tiny.c"], [folder], tmp_path / "marked", "balanced", [layer_marker("tiny")]
    )[0]
    assert mnemonics(plain) == mnemonics(marked)


def mnemonics(path: Path) -> dict[str, list[str]]:
    return {name: sorted(one.mnemonic for one in decode(code, 0)) for name, code in code_sections(path).items()}


def code_sections(path: Path) -> dict[str, bytes]:
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as stream:
        return {
            section.name: section.data()
            for section in ELFFile(stream).iter_sections()
            if section["sh_flags"] & 4 and section["sh_size"]
        }


def test_decoding_agrees_with_objdump_on_vector_code(tmp_path: Path) -> None:
    require("zig", "arm-none-eabi-objdump")
    source = tmp_path / "v.c"
    source.write_text(
        "#include <stdint.h>\n"
        "int dot(const int8_t *a, const int8_t *b, int n)"
        "{ int s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }\n"
        "void add(int8_t *a, const int8_t *b, int n) { for (int i = 0; i < n; i++) a[i] = (int8_t)(a[i] + b[i]); }\n"
        "void mul(int16_t *a, const int16_t *b, int n) { for (int i = 0; i < n; i++) a[i] = (int16_t)(a[i] * b[i]); }\n"
        "float mean(const float *a, int n) { float s = 0; for (int i = 0; i < n; i++) s = s * 0.5f + a[i]; return s; }\n"
    )
    from edgepack.mcu.toolchain.compilers import compile_objects

    built = compile_objects(find_toolchain("zig"), find_core("cortex-m55"), [source], [tmp_path], tmp_path / "o", "speed")[0]
    listing = subprocess.run(
        ["arm-none-eabi-objdump", "-d", "-m", "armv8.1-m.main", "--no-show-raw-insn", str(built)], capture_output=True, text=True
    ).stdout
    sections = code_sections(built)
    kinds = set()
    for name, text in re.findall(r"Disassembly of section (\S+):\n(.*?)(?=\nDisassembly|\Z)", listing, re.DOTALL):
        rows = re.findall(r"^\s*([0-9a-f]+):\t(\S+)[ \t]*(.*)", text, re.MULTILINE)
        expected = {int(at, 16): (word, operands) for at, word, operands in rows if word != ".word"}
        code = sections[name]
        assert sum(instruction_sizes(code)) == len(code)
        for instruction in decode(code, 0):
            if instruction.address not in expected:
                continue
            word, operands = expected[instruction.address]
            vector = word.startswith("v") and not re.search(r"\b[sd]\d", operands)
            assert instruction.kind.startswith("vector") == vector, (word, instruction)
            if vector:
                kinds.add(instruction.kind)
                assert (instruction.kind == "vector load") == word.startswith("vldr"), (word, instruction)
                assert (instruction.kind == "vector store") == word.startswith("vstr"), (word, instruction)
                assert (instruction.kind == "vector multiply") == word.startswith(("vmul", "vmla", "vqdmulh", "vqrdmulh")), word
            assert (instruction.kind == "loop end") == word.startswith("le"), (word, instruction)
    assert {"vector load", "vector store", "vector multiply", "vector integer"} <= kinds
