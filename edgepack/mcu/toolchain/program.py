"""From generated C to a program for an emulated board: glue for the model, start-up, test loop, linker script, ELF."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.cores import Core, Region
from edgepack.flatbuffer.types import C_TYPES
from edgepack.ground.errors import CompileError
from edgepack.ground.progress import Progress
from edgepack.mcu.image.layers import layer_marker
from edgepack.mcu.toolchain.compilers import FIRMWARE, Toolchain, compile_objects, link
from edgepack.mcu.toolchain.decrypting import DECRYPT

STACK_BYTES = 64 << 10
VECTOR_BYTES = 1 << 10


@dataclass(frozen=True)
class Port:
    """One input or output of NAME_run: numpy dtype and number of elements of one example."""

    dtype: str
    elements: int

    @property
    def c_type(self) -> str:
        """The element's C type."""
        return C_TYPES[self.dtype]

    @property
    def bytes(self) -> int:
        """Bytes of one example."""
        return int(np.dtype(self.dtype).itemsize) * self.elements


@dataclass(frozen=True)
class Program:
    """A linked firmware: `elf`, the model's C name, and the ports of NAME_run in the order of its arguments."""

    elf: Path
    name: str
    core: Core
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    toolchain: Toolchain
    optimize: str


def ports_of(arrays: Sequence[NDArray[np.generic]]) -> tuple[Port, ...]:
    """The ports that batches such as `arrays` (examples first) are passed through."""
    return tuple(Port(array.dtype.name, int(np.prod(array.shape[1:], dtype=np.int64))) for array in arrays)


def model_sources(folder: Path) -> list[Path]:
    """The C files of a code folder, in a fixed order; examples and tests beside them are left out.

    Raises:
        CompileError: EP-752 when there are none.
    """
    beside = {"examples", "example", "tests", "test"}
    found = sorted(path for path in folder.rglob("*.c") if not beside & set(path.relative_to(folder).parts[:-1]))
    if not found:
        raise CompileError("EP-752", f"{folder} holds no C files", "give the folder that edgepack export --as c wrote")
    return found


def include_folders(folder: Path) -> list[Path]:
    """`folder` and those below it that hold headers."""
    return [folder, *sorted({path.parent for path in folder.rglob("*.h")} - {folder})]


def has_reset(folder: Path, name: str) -> bool:
    """Whether NAME.h declares NAME_reset, which models with state have."""
    header = folder / f"{name}.h"
    if not header.is_file():
        raise CompileError("EP-752", f"{folder} has no {name}.h", "give the folder that edgepack export --as c wrote")
    return re.search(rf"\b{re.escape(name)}_reset\s*\(", header.read_text()) is not None


def model_glue(name: str, inputs: Sequence[Port], outputs: Sequence[Port], reset: bool) -> str:
    """C that owns the model's buffers and calls it; an input that lies in the arena is written there before every run.

    Encrypted constants are decrypted by a function DECRYPT beside the model's files (decrypting.py).

    The status passes through a volatile so that NAME_run is called and not jumped to: its end shows as a return into
    harness_call.
    """
    lines = [
        "/* Generated: the model's buffers and the calls of its functions. */",
        "#include <stdbool.h>",
        '#include "harness.h"',
    ]
    lines += [f'#include "{name}.h"', ""]
    lines.append(f"uint8_t edgepack_arena[{name.upper()}_ARENA_SIZE + 0] __attribute__((aligned(16)));")
    for index, port in enumerate(inputs):
        offset = f"{name.upper()}_INPUT{f'_{index}' if len(inputs) > 1 else ''}_OFFSET"
        lines += [f"#ifdef {offset}", f"#define input_{index} (({port.c_type} *)(void *)(edgepack_arena + {offset}))", "#else"]
        lines += [_buffer("input", index, port), "#endif"]
    lines += [_buffer("output", index, port) for index, port in enumerate(outputs)]
    for kind, ports in (("input", inputs), ("output", outputs)):
        rows = ", ".join(f"{{(uint8_t *){kind}_{index}, {port.bytes}u}}" for index, port in enumerate(ports))
        lines += ["", f"const struct harness_buffer harness_{kind}s[] = {{{rows}}};"]
        lines.append(f"const uint32_t harness_{kind}_count = {len(ports)}u;")
    lines += ["", f"#ifdef {name.upper()}_NONCE", f"{name}_decrypt {DECRYPT};", f"#define DECRYPTION , {DECRYPT}, NULL"]
    lines += ["#else", "#define DECRYPTION", "#endif"]
    arguments = [f"input_{index}" for index in range(len(inputs))] + [f"output_{index}" for index in range(len(outputs))]
    lines += [
        "",
        "void harness_reset(void)",
        "{",
        f"    {name}_reset(edgepack_arena);" if reset else "    (void)edgepack_arena;",
        "}",
        "",
        "__attribute__((noinline)) int harness_call(void)",
        "{",
        f"    volatile int status = {name}_run({', '.join([*arguments, 'edgepack_arena'])} DECRYPTION);",
        "    return status;",
        "}",
        "",
    ]
    return "\n".join(lines)


def _buffer(kind: str, index: int, port: Port) -> str:
    """The C definition of an input or output buffer."""
    return f"static {port.c_type} {kind}_{index}[{max(port.elements, 1)}] __attribute__((aligned(16)));"


def write_files(files: Mapping[str, str], folder: Path) -> Path:
    """Write a code folder's files (name -> text) below `folder`."""
    for relative, text in files.items():
        path = folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def linker_script(flash: Region, ram: Region, stack_bytes: int, vectors: Region | None = None) -> str:
    """The linker script for these memories; `vectors` is where the vector table goes, if not at the start of `flash`."""
    code = flash if vectors else Region(flash.origin + VECTOR_BYTES, flash.length - VECTOR_BYTES)
    table = vectors or Region(flash.origin, VECTOR_BYTES)
    text = (FIRMWARE / "firmware.ld.in").read_text()
    values = {
        "VECTORS_ORIGIN": hex(table.origin),
        "VECTORS_LENGTH": hex(table.length),
        "FLASH_ORIGIN": hex(code.origin),
        "FLASH_LENGTH": hex(code.length),
        "RAM_ORIGIN": hex(ram.origin),
        "RAM_LENGTH": hex(ram.length),
        "STACK_BYTES": str(stack_bytes),
    }
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def build_emulated(
    code_folder: Path,
    name: str,
    core: Core,
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    toolchain: Toolchain,
    work: Path,
    optimize: str = "balanced",
    progress: Progress | None = None,
    mark_layers: bool = False,
) -> Program:
    """Compile and link `code_folder` (NAME.h, NAME.c, …) with the emulated board's firmware; files go to `work`.

    `mark_layers` leaves behind where each layer begins (layers.py).

    Raises:
        CompileError: EP-750 when the C does not compile or link, EP-752 when the folder is not a code folder.
    """
    work.mkdir(parents=True, exist_ok=True)
    glue = work / "glue.c"
    glue.write_text(model_glue(name, inputs, outputs, has_reset(code_folder, name)))
    script = work / "emulated.ld"
    script.write_text(linker_script(core.flash, core.ram, STACK_BYTES, core.vectors))
    sources = model_sources(code_folder)
    decrypt = [source for source in sources if source.stem == DECRYPT]
    model = compile_objects(
        toolchain,
        core,
        [source for source in sources if source not in decrypt],
        include_folders(code_folder),
        work / "model",
        optimize,
        [layer_marker(name)] if mark_layers else [],
        progress,
    )
    # The board's objects come from the cache for every model after the first: they see none of its headers.
    board, beside = [FIRMWARE / "startup.c", FIRMWARE / "main_emulated.c"], work / "edgepack-harness"
    harness = compile_objects(toolchain, core, board, [FIRMWARE], beside, "speed", progress=progress)
    harness += compile_objects(
        toolchain, core, [glue, *decrypt], [FIRMWARE, *include_folders(code_folder)], beside, "speed", progress=progress
    )
    elf = link(toolchain, core, [*harness, *model], script, work / f"{name}.elf", progress)
    return Program(elf, name, core, tuple(inputs), tuple(outputs), toolchain, optimize)
