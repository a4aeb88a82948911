"""A firmware project for an attached board: the model's C, a one-page board file, golden vectors, Makefile and CMake."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.cores import Core, find_core
from edgepack.ground.errors import CompileError, DeviceError
from edgepack.ground.escape import c_string
from edgepack.ground.files import merged_folder
from edgepack.ground.progress import Progress
from edgepack.mcu.boards.boards import Board, find_board
from edgepack.mcu.toolchain.compilers import FIRMWARE, Toolchain, compile_objects, link
from edgepack.mcu.toolchain.program import (
    has_reset,
    include_folders,
    linker_script,
    model_glue,
    model_sources,
    ports_of,
    write_files,
)
from edgepack.pack.sbom import NAME as SBOM
from edgepack.pack.sbom import delivery_sbom

HARNESS = "edgepack-harness"
RUNS = 10
_STACK_BYTES = 16 << 10
_MOST_VECTORS, _MOST_VECTOR_BYTES = 8, 64 << 10
_COPIED = ("startup.c", "main_board.c", "harness.h", "harness_run.h", "board.h", "cycles_dwt.h", "cycles_systick.h")

Arrays = Sequence[NDArray[np.generic]]


@dataclass(frozen=True)
class FirmwareProject:
    """An exported project. `build` identifies the model's code; the firmware prints it."""

    folder: Path
    name: str
    board: Board
    core: Core
    build: str


def export_firmware(
    code: Path | Mapping[str, str],
    board: str,
    folder: Path,
    name: str,
    golden_inputs: Arrays,
    golden_outputs: Arrays,
    cpu: str | None = None,
    model_sha256: str = "",
) -> FirmwareProject:
    """Write a firmware project for `board` to `folder`; other files that are there stay.

    `code` is a code folder or its files, `name` the model's C name. Of the golden vectors (arrays with examples first) as
    many are compiled in as fit 64 KiB, at most 8. `cpu` replaces the board's core, for the generic board. `model_sha256`
    is the .tflite's, for the bill of materials.

    Raises:
        ProjectError: EP-557 for an unknown board, EP-550 for an unknown core.
        CompileError: EP-752 when `code` is no code folder, or holds names that a Makefile cannot.
        DeviceError: EP-551 when there are no golden vectors.
    """
    known = find_board(board)
    core = find_core(cpu or known.cpu)
    with merged_folder(folder) as work:
        harness, model = work / HARNESS, work / "model"
        harness.mkdir()
        if isinstance(code, Path):
            shutil.copytree(code, model)
        else:
            write_files(code, model)
        for file in _COPIED:
            shutil.copyfile(FIRMWARE / file, harness / file)
        shutil.copytree(FIRMWARE / "zig", harness / "zig")
        shutil.copyfile(FIRMWARE / "boards" / known.file, harness / "board.c")
        if cpu is not None:
            text = (harness / "board.c").read_text().replace(f'board_cpu[] = "{known.cpu}"', f'board_cpu[] = "{core.name}"')
            (harness / "board.c").write_text(text)
        glue = model_glue(name, ports_of(golden_inputs), ports_of(golden_outputs), has_reset(model, name))
        (harness / "glue.c").write_text(glue)
        vectors = _choose_vectors(golden_inputs, golden_outputs)
        build = build_id(code)
        (harness / "golden.h").write_text(_GOLDEN_HEADER)
        (harness / "golden.c").write_text(_golden_source(name, build, vectors))
        (work / "linker.ld").write_text(board_linker_script(known))
        sources = [path.relative_to(work).as_posix() for path in [*sorted(harness.glob("*.c")), *model_sources(model)]]
        includes = [HARNESS, *(path.relative_to(work).as_posix() for path in include_folders(model))]
        _check_paths([*sources, *includes])
        (work / "Makefile").write_text(_makefile(name, core, known, sources, includes))
        (work / "CMakeLists.txt").write_text(_cmake(name, core, sources, includes))
        (work / "README.md").write_text(_readme(name, known, core))
        written = {path.relative_to(work).as_posix(): path.read_bytes() for path in work.rglob("*") if path.is_file()}
        about = f"firmware for {known.name} ({core.name}); its build links the toolchain's own C library"
        (work / SBOM).write_text(delivery_sbom(name, "", about, model_sha256, written))
    return FirmwareProject(folder, name, known, core, build)


def build_firmware(
    project: FirmwareProject, toolchain: Toolchain, work: Path, optimize: str = "balanced", progress: Progress | None = None
) -> Path:
    """Compile and link an exported project; returns the ELF.

    Raises:
        CompileError: EP-750 when it does not compile or does not fit the board's memories.
    """
    harness, model = project.folder / HARNESS, project.folder / "model"
    includes = [harness, *include_folders(model)]
    objects = compile_objects(
        toolchain, project.core, sorted(harness.glob("*.c")), includes, work / HARNESS, "speed", progress=progress
    )
    objects += compile_objects(
        toolchain, project.core, model_sources(model), includes, work / "model", optimize, progress=progress
    )
    return link(toolchain, project.core, objects, project.folder / "linker.ld", work / "firmware.elf", progress)


def _check_paths(paths: Sequence[str]) -> None:
    """Raises CompileError EP-752 for a path that make would part or take for its own: it knows no way to quote one."""
    for path in paths:
        if not re.fullmatch(r"[\w./+-]+", path, re.ASCII):
            raise CompileError("EP-752", f"{path!r} cannot stand in a Makefile", "rename it to letters, digits, ., _, + and -")


def board_linker_script(board: Board) -> str:
    """The linker script for `board`'s memories."""
    return linker_script(board.flash, board.ram, _STACK_BYTES)


def _choose_vectors(inputs: Arrays, outputs: Arrays) -> list[tuple[bytes, bytes]]:
    vectors: list[tuple[bytes, bytes]] = []
    size = 0
    for index in range(min(len(inputs[0]) if inputs else 0, _MOST_VECTORS)):
        taken = b"".join(np.ascontiguousarray(array[index]).tobytes() for array in inputs)
        given = b"".join(np.ascontiguousarray(array[index]).tobytes() for array in outputs)
        size += len(taken) + len(given)
        if vectors and size > _MOST_VECTOR_BYTES:
            break
        vectors.append((taken, given))
    if not vectors:
        raise DeviceError("EP-551", "no golden vectors to compile into the firmware", "give at least one input and its output")
    return vectors


def build_id(code: Path | Mapping[str, str]) -> str:
    """What identifies the model in a firmware: 16 hexadecimal digits of the hash of its C files and headers."""
    digest = hashlib.sha256()
    for relative, content in sorted(_code_files(code).items()):
        digest.update(relative.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:16]


def _code_files(code: Path | Mapping[str, str]) -> dict[str, bytes]:
    if isinstance(code, Path):
        return {path.relative_to(code).as_posix(): path.read_bytes() for path in code.rglob("*") if path.suffix in (".c", ".h")}
    return {name: text.encode() for name, text in code.items() if name.endswith((".c", ".h"))}


_GOLDEN_HEADER = f"""/* Inputs with the reference's exact outputs, and what identifies the model. */
#ifndef EDGEPACK_GOLDEN_H
#define EDGEPACK_GOLDEN_H

#include <stdint.h>

#define GOLDEN_RUNS {RUNS}u

extern const char golden_model[], golden_build[];
extern const uint32_t golden_count, golden_input_bytes, golden_output_bytes;
extern const uint8_t golden_inputs[], golden_outputs[];

#endif
"""


def _golden_source(name: str, build: str, vectors: Sequence[tuple[bytes, bytes]]) -> str:
    return f"""/* Generated. */
#include "golden.h"

const char golden_model[] = {c_string(name)}, golden_build[] = {c_string(build)};
const uint32_t golden_count = {len(vectors)}u;
const uint32_t golden_input_bytes = {len(vectors[0][0])}u, golden_output_bytes = {len(vectors[0][1])}u;

const uint8_t golden_inputs[] = {{{_numbers(b"".join(taken for taken, _ in vectors))}}};
const uint8_t golden_outputs[] = {{{_numbers(b"".join(given for _, given in vectors))}}};
"""


def _numbers(data: bytes) -> str:
    rows = [", ".join(map(str, data[start : start + 24])) for start in range(0, len(data), 24)]
    return "\n    " + ",\n    ".join(rows) + ",\n"


def _flags(core: Core) -> tuple[str, str]:
    """Flags for arm-none-eabi-gcc and for zig."""
    gcc = Toolchain("gcc", (), "")
    zig = f"-target {core.zig_target} -mcpu={core.zig_cpu} -fhosted -fno-sanitize=all -fno-stack-protector -isystem {HARNESS}/zig"
    return " ".join(gcc.target_flags(core)), zig


_COMMON = (
    "-std=c99 -g -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables -fno-exceptions "
    "-fomit-frame-pointer -ffp-contract=off"
)


def _makefile(name: str, core: Core, board: Board, sources: Sequence[str], includes: Sequence[str]) -> str:
    gcc, zig = _flags(core)
    flash = (
        f"\nflash: build/{name}.elf\n\tpyocd load --no-wait --target {board.pyocd_target} $<\n"
        if board.pyocd_target is not None
        else ""
    )
    return f"""# {name} on {board.title} ({core.title}).
#   make                 with arm-none-eabi-gcc
#   make TOOLCHAIN=zig   with zig (pip install ziglang)
TOOLCHAIN ?= gcc
OPTIMIZE ?= -O3

ifeq ($(TOOLCHAIN),zig)
CC := python3 -m ziglang cc
TARGET_FLAGS := {zig}
LINK_FLAGS :=
else
CC := arm-none-eabi-gcc
TARGET_FLAGS := {gcc}
LINK_FLAGS := -nostartfiles
endif
FLAGS := $(TARGET_FLAGS) $(OPTIMIZE) {_COMMON} {" ".join(f"-I{path}" for path in includes)}

SOURCES := {" ".join(sources)}
OBJECTS := $(SOURCES:%.c=build/%.o)

build/{name}.elf: $(OBJECTS) linker.ld
\t$(CC) $(TARGET_FLAGS) -O3 -g $(LINK_FLAGS) -Wl,-T,linker.ld -Wl,--gc-sections -Wl,-e,Reset_Handler $(OBJECTS) -o $@

build/%.o: %.c
\t@mkdir -p $(dir $@)
\t$(CC) $(FLAGS) -c $< -o $@

clean:
\trm -rf build
{flash}
.PHONY: clean flash
"""


def _cmake(name: str, core: Core, sources: Sequence[str], includes: Sequence[str]) -> str:
    gcc, _ = _flags(core)
    listed = "\n  ".join(sources)
    return f"""# cmake -B build -DCMAKE_C_COMPILER=arm-none-eabi-gcc && cmake --build build
cmake_minimum_required(VERSION 3.16)
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
project({name}_firmware C)

add_executable({name}
  {listed}
)
set_target_properties({name} PROPERTIES SUFFIX .elf)
target_include_directories({name} PRIVATE {" ".join(includes)})
target_compile_options({name} PRIVATE {gcc} -O3 {_COMMON})
target_link_options({name} PRIVATE {gcc} -nostartfiles -T${{CMAKE_SOURCE_DIR}}/linker.ld -Wl,--gc-sections -Wl,-e,Reset_Handler)
set_target_properties({name} PROPERTIES LINK_DEPENDS ${{CMAKE_SOURCE_DIR}}/linker.ld)
"""


def _readme(name: str, board: Board, core: Core) -> str:
    flash = f"`make flash` loads it with pyocd (target `{board.pyocd_target}`). " if board.pyocd_target else ""
    return f"""# {name} on {board.title}

{board.note}
State of this board's support: {board.tested}.

- `make` builds `build/{name}.elf` with arm-none-eabi-gcc, `make TOOLCHAIN=zig` with zig; CMake works too. {flash}
- The firmware runs every golden vector {RUNS} times and prints one line of JSON an inference, at 115200 baud, 8N1: cycles, and
  how many output bytes differ from the reference (0, or something is wrong). Any received character starts it again.
- `edgepack deploy ... --device serial:/dev/ttyACM0` reads the lines and judges them.

| file | |
|---|---|
| `{HARNESS}/board.c` | this board: clock, UART, cycle counter; the only file to change for another {core.title} board |
| `linker.ld` | its memories |
| `{HARNESS}/main_board.c` | the test loop |
| `{HARNESS}/golden.c` | inputs and expected outputs |
| `model/` | the model; all a product needs |
"""
