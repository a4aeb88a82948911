"""A model as a program of its own: the generated C and the runner in C, one static file for a Linux or Android device.

zig compiles against musl for any processor, so the program needs no library, no Python and no NDK on the device. It speaks
the command line and the results of run.py and refuses to run beside another .tflite than the one it was generated from.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.flatbuffer.types import C_TYPES
from edgepack.ground.errors import CompilerMissing, EngineUnfit
from edgepack.ground.escape import c_string
from edgepack.ground.files import sha256_file
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.ground.seal import is_intact
from edgepack.ground.user_cache import user_cache
from edgepack.runners.c_sources import NATIVE, include_flags, link_program, program_key, runner_sources

if TYPE_CHECKING:
    from edgepack.compile import CCode
    from edgepack.flatbuffer import Model

ENGINE = "c"
"""The engine's name: the generated C, which gives the reference kernels' bits."""

# Machine (uname -m, or an Android ABI) -> zig's target and options. 32-bit Arm devices have NEON since Android 4.1's CPUs.
_TARGETS: dict[str, tuple[str, ...]] = {
    "aarch64": ("-target", "aarch64-linux-musl"),
    "armv7l": ("-target", "arm-linux-musleabihf", "-mcpu=cortex_a7"),
    "x86_64": ("-target", "x86_64-linux-musl"),
    "i686": ("-target", "x86-linux-musl"),
}
_SAME_MACHINE = {
    "arm64": "aarch64",
    "arm64-v8a": "aarch64",
    "armv8l": "armv7l",
    "armeabi-v7a": "armv7l",
    "amd64": "x86_64",
    "i386": "i686",
    "i586": "i686",
    "x86": "i686",
}

# No contraction: a fused multiply-add rounds once where the reference rounds twice. No sanitizer: zig adds one by default.
_FLAGS = ("-std=gnu11", "-O3", "-static", "-s", "-ffp-contract=off", "-fno-sanitize=all", "-fno-stack-protector")

GENERATORS = ("coding", "compile", "cores", "flatbuffer")
"""The rooms whose code decides what C is generated from a .tflite: the compiler, and what it reads models and cores with."""


def build_program(model_file: Path, machine: str, progress: Progress, layers: bool = False, coding: str = "off") -> Path:
    """The program of a model for a machine (`uname -m` or an Android ABI), from the user's cache when it was built before.

    With `layers` it is the profiling build, which also has the command `layers`: the same code with a clock read between the
    operators. `coding` says which weights are in codes, as for `compile_model`.

    Raises:
        DeviceError: EP-526 no program can be made for such a machine.
        CompileError: EP-70x the model has something the C compiler cannot do, EP-750 the C does not compile.
        ToolError: EP-601 when zig is not installed.
    """
    flags = (*target_of(machine), *_FLAGS)
    program = user_cache() / "programs" / _key(sha256_file(model_file), flags, layers, coding) / "run"
    if is_intact(program):
        os.utime(program)
        return program
    title = f"a static program for {machine}{', with a clock between the layers' if layers else ''}"
    with progress.stage("Compiling to C", title) as task:
        _compile(model_file, flags, program, layers, coding)
        task.finish(f"{program.stat().st_size / 1e3:.0f} kB")
    return program


def target_of(machine: str) -> tuple[str, ...]:
    """zig's options for a machine.

    Raises:
        DeviceError: EP-526 for a machine that is not known.
    """
    options = _TARGETS.get(_SAME_MACHINE.get(machine, machine))
    if options is None:
        known = ", ".join(sorted({*_TARGETS, *_SAME_MACHINE}))
        raise EngineUnfit("EP-526", f"engine c cannot be built for machine {machine or 'unknown'!r}", f"it can for {known}")
    return options


def native_version() -> str:
    """The engine's version: what generated the C and what compiled it."""
    from importlib.metadata import version

    from edgepack import __version__

    return f"edgepack {__version__}, zig {version('ziglang')}"


def _key(model: str, flags: tuple[str, ...], layers: bool, coding: str) -> str:
    if importlib.util.find_spec("ziglang") is None:
        raise CompilerMissing(
            "EP-601", "no zig is installed, which makes programs for devices", 'pip install "edgepack[android]"'
        )
    package = Path(__file__).parents[1]
    makers = [path for room in GENERATORS for path in (package / room).rglob("*") if path.suffix in (".py", ".c", ".h")]
    return program_key(
        (model, native_version(), *flags, coding, *(("layers",) if layers else ())), NATIVE, *makers, Path(__file__)
    )


def _compile(model_file: Path, flags: tuple[str, ...], program: Path, layers: bool, coding: str) -> None:
    with scratch_folder("edgepack-code-") as name:
        folder = Path(name)
        code = write_program_code(model_file, folder, coding)
        sources = [*runner_sources(NATIVE), *sorted(folder.glob("*.c"))]
        hooks = layer_flags(code) if layers else ()
        options = [*flags, *hooks, *include_flags(NATIVE), f"-I{folder}"]
        command = [sys.executable, "-m", "ziglang", "cc", *options, *map(str, sources)]
        link_program(command, program, f"the program of {model_file.name}", ["-lm"])


def layer_flags(code: CCode) -> tuple[str, ...]:
    """The compiler's options that make the profiling build of a program."""
    hook = f"-D{code.name.upper()}_BEFORE_LAYER(index)=layers_mark(index)"
    return (f"-DEDGEPACK_LAYERS={len(code.layers)}", hook, "-include", str(NATIVE / "layers_mark.h"))


def write_program_code(model_file: Path, folder: Path, coding: str = "off") -> CCode:
    """Write what is the model's own in its program: the generated C, and the glue to the runner."""
    from edgepack.compile import write_code

    model, code = _generate(model_file, coding)
    write_code(code, folder)
    (folder / "glue.c").write_text(glue(model, code))
    return code


def program_code(model_file: Path, coding: str = "off") -> CCode:
    """The generated C of a model's program."""
    return _generate(model_file, coding)[1]


def _generate(model_file: Path, coding: str) -> tuple[Model, CCode]:
    """For speed; where weights are in codes balanced, for with "auto" nothing is coded for speed."""
    from edgepack.compile import compile_model
    from edgepack.flatbuffer import read_model

    model = read_model(model_file)
    if coding != "off":
        code = compile_model(model, "network", "generic", "balanced", coding=coding)
        if any(layer.coded for layer in code.layers):
            return model, code
    return model, compile_model(model, "network", "generic", "speed")


def glue(model: Model, code: CCode) -> str:
    """C that owns the model's buffers and says what they are (native/model.h)."""
    graph = model.subgraphs[0]
    lines = ['#include "model.h"', f'#include "{code.name}.h"', ""]
    arguments = []
    for kind, indices in (("input", graph.inputs), ("output", graph.outputs)):
        rows = []
        for position, index in enumerate(indices):
            tensor = graph.tensors[index]
            elements = 1
            for size in tensor.shape:
                elements *= size
            lines.append(f"static {C_TYPES[tensor.dtype]} {kind}_{position}[{max(elements, 1)}] __attribute__((aligned(64)));")
            count = f"{elements} * sizeof *{kind}_{position}"
            rows.append(f"    {{{kind}_{position}, {count}, ELEMENT_{tensor.dtype.upper()}}},")
            arguments.append(f"{kind}_{position}")
        lines += [
            "",
            f"const struct tensor model_{kind}s[] = {{",
            *rows,
            "};",
            f"const int model_{kind}_count = {len(rows)};",
            "",
        ]
    upper = code.name.upper()
    return "\n".join(
        [
            *lines,
            f"const char model_sha256[] = {upper}_MODEL_SHA256;",
            f"const char model_version[] = {c_string(native_version())};",
            "",
            f"static uint8_t arena[{upper}_ARENA_SIZE + 16] __attribute__((aligned(64)));",
            "",
            "int model_run(void)",
            "{",
            f"    return {code.name}_run({', '.join([*arguments, 'arena'])});",
            "}",
            "",
            "void model_reset(void)",
            "{",
            f"    {code.name}_reset(arena);" if code.state_size else "    (void)arena;",
            "}",
            "",
        ]
    )
