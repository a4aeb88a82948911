"""What these tests need of the machine: compilers and emulators, skipped with the reason where they are absent."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgepack.cores import find_core
from edgepack.mcu.toolchain.compilers import find_toolchain, zig_present
from edgepack.mcu.toolchain.program import Program, build_emulated, ports_of, write_files
from tests.mcu import tiny_model


def require(*tools: str) -> None:
    """Skip the test unless zig, gcc, unicorn, qemu, or any program by name, are there."""
    import importlib.util

    for tool in tools:
        if tool == "zig" and not zig_present():
            pytest.skip("ziglang is not installed (pip install ziglang)")
        elif tool == "unicorn" and importlib.util.find_spec("unicorn") is None:
            pytest.skip("unicorn is not installed (pip install unicorn)")
        elif tool == "gcc" and shutil.which("arm-none-eabi-gcc") is None:
            pytest.skip("arm-none-eabi-gcc is not installed (apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi)")
        elif tool == "qemu" and shutil.which("qemu-system-arm") is None:
            pytest.skip("qemu-system-arm is not installed (apt-get install qemu-system-arm)")
        elif tool not in ("zig", "unicorn", "gcc", "qemu") and shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")


def build_tiny(work: Path, cpu: str, toolchain: str = "zig") -> Program:
    """The tiny model as an emulated board's program."""
    x = tiny_model.inputs(1)
    folder = write_files(tiny_model.FILES, work / "code")
    ports = ports_of((x,)), ports_of((tiny_model.reference(x),))
    return build_emulated(folder, "tiny", find_core(cpu), *ports, find_toolchain(toolchain), work / "build")


@pytest.fixture(scope="session")
def tiny_m4(tmp_path_factory: pytest.TempPathFactory) -> Program:
    require("zig")
    return build_tiny(tmp_path_factory.mktemp("tiny"), "cortex-m4")
