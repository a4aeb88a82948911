"""The runner in C (on_device/c/): what all its programs share, and the folder of an engine that a program is linked with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgepack.ground.files import hash_of, sha256_files
from edgepack.ground.private import private_umask
from edgepack.ground.seal import seal_file
from edgepack.runners.files import ON_DEVICE

_C = ON_DEVICE / "c"
SHARED = _C / "shared"
NATIVE = _C / "native"
"""Engine `c`: the model compiled to C."""
TFLITE_C = _C / "tflite_c"
"""Engines `tflite-c` and `tflite-c-builtin`: a TensorFlow Lite library."""


def runner_sources(engine: Path) -> list[Path]:
    """The .c files of the program with the engine in this folder."""
    return [path for folder in (SHARED, engine) for path in sorted(folder.glob("*.c"))]


def include_flags(engine: Path) -> list[str]:
    """The compiler's options to find their headers."""
    return [f"-I{SHARED}", f"-I{engine}"]


def program_key(identity: Sequence[str], engine: Path, *others: Path) -> str:
    """What a program's place in the cache is named by: `identity` (flags, versions) and every source that goes into it."""
    sources = [*SHARED.glob("*.[ch]"), *engine.glob("*.[ch]"), *others]
    return hash_of([*identity, sha256_files(sources)])[:32]


def link_program(command: Sequence[str], program: Path, what: str, libraries: Sequence[str]) -> None:
    """Compile and link by `command` (the compiler, its options and the sources), all or nothing, and seal the program.

    Raises:
        CompileError: EP-750 it does not compile, EP-751 not in time; ToolError: EP-601 the compiler cannot be started.
    """
    from edgepack.mcu.toolchain.compilers import run_compiler

    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="edgepack-program-", dir=program.parent) as name:
        built = Path(name) / program.name
        run_compiler([*command, "-o", str(built), *libraries], what)
        built.chmod(0o777 & ~private_umask())
        os.replace(built, program)
        seal_file(program)
