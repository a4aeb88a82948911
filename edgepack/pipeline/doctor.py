"""What is installed, what is missing, and how to get it; nothing heavy is imported to find out."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from edgepack.kinds import kind_of
from edgepack.kinds.find import find_program, package_version
from edgepack.project import Target
from edgepack.workers.process import MOST_WORDS, Flood, run_process


@dataclass(frozen=True)
class Check:
    """One program or package: the version found ("" when it is there and says none, None when it is missing)."""

    name: str
    kind: str
    needed_for: str
    found: str | None
    where: str
    how_to_get: str
    required: bool


_PACKAGES = (
    ("ai-edge-litert", "running .tflite models on this machine", "", True),
    ("tflite-runtime", "golden vectors (reference kernels)", "", True),
    ("tensorflow", "training, compression, conversion", "train", False),
    ("tf-keras", "training, compression, conversion", "train", False),
    ("tensorflow-model-optimization", "pruning, quantization-aware training", "train", False),
    ("tflite-micro", "TensorFlow Lite Micro exports", "mcu", False),
    ("ziglang", "compiling for microcontrollers", "mcu", False),
    ("unicorn", "emulating Cortex-M", "mcu", False),
    ("pyserial", "boards on a serial port", "mcu", False),
    ("pyocd", "boards on a debug probe", "mcu", False),
)

_PROGRAMS = (
    ("ssh", ("-V",), "targets reached over ssh", "openssh-client"),
    ("sftp", (), "uploads over ssh", "openssh-client"),
    ("sshd", ("-V",), "the stand-in for a Raspberry Pi", "openssh-server"),
    ("gcc", ("-dumpfullversion",), "checking exported C on this machine", "gcc"),
    ("arm-none-eabi-gcc", ("-dumpfullversion",), "Cortex-M with GCC (zig does it too)", "gcc-arm-none-eabi"),
    ("qemu-system-arm", ("--version",), "emulating Cortex-M55 and M85", "qemu-system-arm"),
)


def check_installation() -> tuple[Check, ...]:
    """Every package and program that edgepack can use, found or not."""
    return (*(_package(*row) for row in _PACKAGES), *(_program(*row) for row in _PROGRAMS), _adb())


def needs(target: Target) -> tuple[str, ...]:
    """What this machine lacks for a target, by the names that `edgepack doctor` uses; nothing is started to find out."""
    return kind_of(target).lacks(target, os.environ)


def _package(name: str, needed_for: str, extra: str, required: bool) -> Check:
    how = f'pip install "edgepack[{extra}]"' if extra else f"pip install {name}"
    return Check(name, "package", needed_for, package_version(name), "", how, required)


def _program(name: str, flags: tuple[str, ...], needed_for: str, package: str) -> Check:
    path = find_program(name)
    found = None if path is None else _program_version(path, flags)
    return Check(name, "program", needed_for, found, path or "", f"apt-get install --no-install-recommends {package}", False)


def _adb() -> Check:
    """adb is found in more places than on PATH; the version that tells adbs apart is Google's, behind the protocol's 1.0.41."""
    from edgepack.devices.adb_client import find_adb
    from edgepack.ground.errors import ToolError

    try:
        path = find_adb()
    except ToolError as error:
        return Check("adb", "program", "Android targets", None, "", error.hint, False)
    found = _program_version(path, ("--version",), r"Version (\d+\.\d+[\w.]*)")
    return Check("adb", "program", "Android targets", found, path, "", False)


def _program_version(path: str, flags: tuple[str, ...], pattern: str = r"(\d+\.\d+[\w.]*)") -> str:
    if not flags:
        return ""
    try:
        result = run_process([path, *flags], timeout=10, most=MOST_WORDS)
    except (OSError, Flood):
        result = None
    if result is None or result.status is None:
        return f"{Path(path).name} does not answer"
    match = re.search(pattern, result.text + result.errors)
    return match.group(1) if match else ""
