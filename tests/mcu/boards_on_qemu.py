"""The firmware of an attached board, running on QEMU's mps2-an386 with its UART on a pseudo-terminal."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.pack.deliveries.firmware import build_firmware, export_firmware


def build(work: Path, files: Mapping[str, str], name: str, x: np.ndarray, y: np.ndarray) -> Path:
    project = export_firmware(files, "mps2-an386", work / "project", name, (x,), (y,))
    return build_firmware(project, find_toolchain("zig"), work / "firmware")


@contextmanager
def start(elf: Path, *options: str) -> Iterator[str]:
    """Run the firmware; gives the path of its serial port."""
    command = [
        "qemu-system-arm",
        "-M",
        "mps2-an386",
        "-nographic",
        "-monitor",
        "none",
        "-serial",
        "pty",
        "-kernel",
        str(elf),
        *options,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        match = re.search(r"(/dev/\S+)", process.stdout.readline())
        assert match is not None
        yield match.group(1)
    finally:
        process.kill()
        process.wait()
