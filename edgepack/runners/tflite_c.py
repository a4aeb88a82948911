"""The runner that needs no Python: one C program for any TensorFlow Lite library, compiled for the device.

zig compiles it against an old glibc, so that it starts wherever the library does; for Android, whose C library zig does not have,
the NDK's clang is taken from $ANDROID_NDK. The program is the same for every model and is kept in the user's cache.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from edgepack.ground.errors import CompilerMissing, EngineUnfit
from edgepack.ground.progress import Progress
from edgepack.ground.seal import is_intact
from edgepack.ground.user_cache import user_cache
from edgepack.runners.c_sources import TFLITE_C, include_flags, link_program, program_key, runner_sources

ENGINES = ("tflite-c", "tflite-c-builtin")
"""With XNNPACK's kernels where the library has them, and without."""

# The oldest glibc that a library edgepack knows runs on is 2.30; 2.28 leaves room for one the user brings.
_GLIBC = "2.28"
_TARGETS = {
    "aarch64": ("-target", f"aarch64-linux-gnu.{_GLIBC}"),
    "armv7l": ("-target", f"arm-linux-gnueabihf.{_GLIBC}", "-mcpu=cortex_a7"),
    "x86_64": ("-target", f"x86_64-linux-gnu.{_GLIBC}"),
}
_ANDROID = {"aarch64": "aarch64-linux-android24", "armv7l": "armv7a-linux-androideabi24", "x86_64": "x86_64-linux-android24"}
_FLAGS = ("-std=gnu11", "-O2", "-s")


def build_runner(machine: str, progress: Progress, android: bool = False) -> Path:
    """The program for a machine (aarch64, armv7l, x86_64), from the user's cache when it was built before.

    Raises:
        DeviceError: EP-526 for another machine.
        ToolError: EP-601 when zig, or for Android the NDK, is missing.
        CompileError: EP-750 when it does not compile, which it should.
    """
    target = target_of(machine)
    command = _android_command(machine) if android else _zig_command(target)
    program = user_cache() / "programs" / program_key(command, TFLITE_C) / "tflite_runner"
    if not is_intact(program):
        sources = map(str, runner_sources(TFLITE_C))
        with progress.stage("Compiling the runner", f"for {machine}"):
            link_program([*command, *include_flags(TFLITE_C), *sources], program, "the runner", ["-ldl", "-lm"])
    return program


def target_of(machine: str) -> tuple[str, ...]:
    """zig's options for a machine.

    Raises:
        DeviceError: EP-526 for a machine that is not known.
    """
    if machine not in _TARGETS:
        known = ", ".join(_TARGETS)
        raise EngineUnfit(
            "EP-526", f"there is no runner without Python for machine {machine or 'unknown'!r}", f"it runs on {known}"
        )
    return _TARGETS[machine]


def _zig_command(target: tuple[str, ...]) -> list[str]:
    from edgepack.mcu.toolchain.compilers import zig_present

    if not zig_present():
        raise CompilerMissing(
            "EP-601", "no zig is installed, which makes programs for devices", 'pip install "edgepack[android]"'
        )
    return [sys.executable, "-m", "ziglang", "cc", *target, *_FLAGS, "-fno-sanitize=all"]


def _android_command(machine: str) -> list[str]:
    """The NDK's compiler: its folder toolchains/llvm/prebuilt holds one folder, named after the host's system."""
    ndk = os.environ.get("ANDROID_NDK", "")
    found = sorted(Path(ndk).glob(f"toolchains/llvm/prebuilt/*/bin/{_ANDROID[machine]}-clang")) if ndk else []
    if not found:
        what = f"{ndk} is no Android NDK with {_ANDROID[machine]}-clang" if ndk else "ANDROID_NDK is not set"
        raise CompilerMissing(
            "EP-601", f"{what}: a TensorFlow Lite library on Android needs it", 'install the NDK, or use engine "c"'
        )
    return [str(found[0]), *_FLAGS, "-fPIE", "-pie"]
