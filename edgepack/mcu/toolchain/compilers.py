"""The C compilers for Cortex-M behind one interface: zig (a pip package) and arm-none-eabi-gcc (a system package)."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from edgepack.cores import Core
from edgepack.ground.errors import CompileError, CompilerMissing, ToolError
from edgepack.ground.escape import shell_line
from edgepack.ground.files import sha256_bytes, sha256_files
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.ground.seal import SEAL_SUFFIX, is_intact, remove_sealed, seal_file
from edgepack.ground.user_cache import user_cache
from edgepack.workers.process import MOST_WORDS, run_process

FIRMWARE = Path(__file__).parents[1] / "firmware"

OPTIMIZE_FLAGS = {"speed": "-O3", "balanced": "-O3", "size": "-Os"}

# -fhosted and no frame pointer: zig passes -ffreestanding for a bare target, which turns memcpy of four bytes into a call,
# and keeps frame pointers, which costs every function a register. No contraction: a fused multiply-add rounds once where
# the reference rounds twice.
_COMMON_FLAGS = (
    "-std=c99",
    "-g",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-exceptions",
    "-fomit-frame-pointer",
    "-ffp-contract=off",
)
_ZIG_FLAGS = ("-fhosted", "-fno-sanitize=all", "-fno-stack-protector")
_COMPILE_TIMEOUT_S = 600
_OBJECTS_KEPT_S = 30 * 86400


@dataclass(frozen=True)
class Toolchain:
    """A C compiler for Cortex-M. `command` starts it; `version` is one line for reports."""

    kind: str
    command: tuple[str, ...]
    version: str

    def target_flags(self, core: Core) -> tuple[str, ...]:
        """What selects `core`'s instruction set and floating-point ABI."""
        if self.kind == "zig":
            return ("-target", core.zig_target, f"-mcpu={core.zig_cpu}", *_ZIG_FLAGS, "-isystem", str(FIRMWARE / "zig"))
        return core.gcc_flags

    def compile_flags(self, core: Core, optimize: str) -> tuple[str, ...]:
        """Everything before the source's name, for `optimize` "speed", "balanced" or "size"."""
        return (*self.target_flags(core), OPTIMIZE_FLAGS[optimize], *_COMMON_FLAGS)

    def link_flags(self, core: Core, script: Path) -> tuple[str, ...]:
        """Everything but the objects and the result's name."""
        shared = (f"-Wl,-T,{script}", "-Wl,--gc-sections", "-Wl,-e,Reset_Handler")
        if self.kind == "zig":
            return (*self.target_flags(core), "-O3", "-g", *shared)
        return (*self.target_flags(core), "-g", "-nostartfiles", *shared)


def zig_present() -> bool:
    """Whether the ziglang package is installed."""
    return importlib.util.find_spec("ziglang") is not None


def find_toolchain(kind: str = "auto") -> Toolchain:
    """The compiler `kind`: "zig", "gcc", or "auto" for zig if it is installed, else gcc.

    Raises:
        ToolError: EP-601 when it is not installed.
    """
    kind = os.environ.get("EDGEPACK_TOOLCHAIN", "auto") if kind == "auto" else kind
    if kind in ("zig", "auto") and zig_present():
        return Toolchain("zig", (sys.executable, "-m", "ziglang", "cc"), _zig_version())
    gcc = shutil.which("arm-none-eabi-gcc")
    if kind in ("gcc", "auto") and gcc is not None:
        return Toolchain("gcc", (gcc,), _first_line((gcc, "--version")))
    if kind not in ("zig", "gcc", "auto"):
        raise CompilerMissing("EP-601", f"unknown C compiler {kind!r}", "use zig, gcc or auto")
    named = {"zig": "zig", "gcc": "arm-none-eabi-gcc", "auto": "C compiler for Cortex-M"}[kind]
    hint = {
        "zig": "pip install ziglang",
        "gcc": "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi, or pip install ziglang and use zig",
        "auto": "pip install ziglang",
    }[kind]
    raise CompilerMissing("EP-601", f"no {named} is installed", hint)


def find_host_compiler() -> tuple[str, ...]:
    """A C compiler for this computer: $CC, cc, gcc, clang, or zig.

    Raises:
        ToolError: EP-602 when there is none.
    """
    asked = os.environ.get("CC")
    for name in ([asked] if asked else []) + ["cc", "gcc", "clang"]:
        found = shutil.which(name)
        if found is not None:
            return (found,)
    if zig_present():
        return (sys.executable, "-m", "ziglang", "cc")
    raise ToolError("EP-602", "no C compiler for this computer is installed", "pip install ziglang, or install gcc or clang")


def compile_objects(
    toolchain: Toolchain,
    core: Core,
    sources: Sequence[Path],
    includes: Sequence[Path],
    folder: Path,
    optimize: str = "balanced",
    extra_flags: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Path]:
    """Compile each source to an object in `folder`, taking unchanged ones from the user's cache; returns the objects.

    A source's cache key holds its bytes, those of every header beside the sources and in `includes`, the flags and the
    compiler's version.

    Raises:
        CompileError: EP-750 with the compiler's first error.
    """
    folder.mkdir(parents=True, exist_ok=True)
    cache = user_cache() / "objects"
    flags = (*toolchain.compile_flags(core, optimize), *extra_flags)
    headers = _hash_headers({*includes, *(source.parent for source in sources)})
    objects, missing = [], []
    for index, source in enumerate(sources):
        identity = "\0".join((toolchain.version, *flags, source.name, headers)).encode() + source.read_bytes()
        key = sha256_bytes(identity)
        stored, target = cache / key[:2] / f"{key}.o", folder / f"{index:02d}_{source.stem}.o"
        objects.append(target)
        if is_intact(stored):
            shutil.copyfile(stored, target)
            os.utime(stored)
        else:
            missing.append((source, stored, target))
    if not missing:
        return objects
    _forget_old_objects()
    with (progress or SilentProgress()).stage("Compiling", f"{toolchain.kind}, {core.name}") as task:
        for index, (source, stored, target) in enumerate(missing):
            task.update(index, len(missing), source.name)
            command = [*toolchain.command, *flags, *(f"-I{path}" for path in includes), "-c", str(source), "-o", str(target)]
            run_compiler(command, source.name)
            _store(target, stored)
    return objects


def link(
    toolchain: Toolchain, core: Core, objects: Sequence[Path], script: Path, elf: Path, progress: Progress | None = None
) -> Path:
    """Link `objects` by linker script `script` into `elf`.

    The first link for a core makes zig build its run-time library, which takes up to a minute.

    Raises:
        CompileError: EP-750 with the linker's first error.
    """
    command = [*toolchain.command, *toolchain.link_flags(core, script), *map(str, objects), "-o", str(elf)]
    linked_before = user_cache() / "zig" / f"linked-{core.name}-{toolchain.version.replace(' ', '-')}"
    if toolchain.kind != "zig" or linked_before.is_file():
        run_compiler(command, elf.name)
        return elf
    with (progress or SilentProgress()).stage("Building zig's run-time library", f"once for {core.name}, up to a minute"):
        run_compiler(command, elf.name)
    linked_before.parent.mkdir(parents=True, exist_ok=True)  # zig's own cache may be elsewhere: ZIG_GLOBAL_CACHE_DIR
    linked_before.touch()
    return elf


def run_compiler(command: Sequence[str], what: str) -> None:
    """Run a compiler or linker; its caches stay in the user's cache folder.

    Raises:
        CompileError: EP-750 with the first error it printed, EP-751 when it took too long.
        CompilerMissing: EP-601 when it cannot be started.
        DeviceError: EP-533 when it wrote without end.
    """
    zig_cache = str(_writable_cache() / "zig")
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig_cache, "ZIG_LOCAL_CACHE_DIR": zig_cache, **os.environ}
    try:
        done = run_process(command, environment=environment, timeout=_COMPILE_TIMEOUT_S, kill_group=True)
    except OSError as error:
        raise CompilerMissing("EP-601", f"cannot start {command[0]}: {error.strerror}", "reinstall the compiler") from error
    if done.status is None:
        raise CompileError("EP-751", f"{what} did not compile within {_COMPILE_TIMEOUT_S} s", f"run: {shell_line(command)}")
    if done.status != 0:
        lines = [line.strip() for line in (done.errors + done.text).splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower() or "undefined" in line.lower()] or lines or ["no message"]
        raise CompileError("EP-750", f"{what} does not compile: {telling[0]}", f"run: {shell_line(command)}")


def _writable_cache() -> Path:
    folder = user_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ToolError(
            "EP-607",
            f"compiled objects are kept in {folder}, which cannot be written: {error.strerror}",
            "make it writable, or set EDGEPACK_CACHE to a folder that is",
        ) from error


def _store(built: Path, stored: Path) -> None:
    """Put a built file into the cache under its final name at once."""
    stored.parent.mkdir(parents=True, exist_ok=True)
    temporary = stored.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    shutil.copyfile(built, temporary)
    os.replace(temporary, stored)
    seal_file(stored)


@cache
def _forget_old_objects() -> None:
    """Remove objects that nothing has used for a month; once a process."""
    oldest = time.time() - _OBJECTS_KEPT_S
    for stored in (user_cache() / "objects").glob("*/*"):
        with suppress(OSError):
            if stored.suffix != SEAL_SUFFIX and stored.stat().st_mtime < oldest:
                remove_sealed(stored)


def _hash_headers(folders: set[Path]) -> str:
    return sha256_files(path.resolve() for folder in folders for path in folder.rglob("*.h"))


@cache
def _zig_version() -> str:
    return "zig " + _first_line((sys.executable, "-m", "ziglang", "version"))


@cache
def _first_line(command: tuple[str, ...]) -> str:
    done = run_process(command, timeout=60, most=MOST_WORDS)
    return next(iter((done.text or done.errors).strip().splitlines()), command[0])
