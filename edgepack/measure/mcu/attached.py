"""Attached boards by address: "serial:/dev/ttyACM0", whose firmware the user flashed, or "probe:TARGET", which pyocd flashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.boards.address import board_of_target, check_board_address
from edgepack.mcu.boards.board_report import BoardRun
from edgepack.mcu.boards.probe_board import run_on_probe
from edgepack.mcu.boards.serial_board import run_on_serial
from edgepack.mcu.toolchain.compilers import find_toolchain
from edgepack.pack.deliveries.firmware import build_firmware, build_id, export_firmware

Arrays = Sequence[NDArray[np.generic]]


def run_on_board(
    address: str,
    code: Path | Mapping[str, str],
    name: str,
    golden_inputs: Arrays,
    golden_outputs: Arrays,
    *,
    optimize: str = "balanced",
    toolchain: str = "auto",
    timeout_s: float = 120.0,
    progress: Progress | None = None,
) -> BoardRun:
    """Have an attached board run the golden vectors with this code.

    Behind "serial:PORT" a firmware exported with this code must be flashed, and runs the vectors it was exported with; any
    other firmware is refused.
    For "probe:TARGET", where TARGET is pyocd's name of the part or the board's name, it is built and loaded first.

    Raises:
        ProjectError: EP-557 for an address of another form or a part without a board file.
        ToolError: EP-601, EP-605 or EP-606 when the compiler, pyserial or pyocd is missing.
        DeviceError: EP-551 to EP-556 and EP-561 to EP-564 when the board does not answer as it should.
    """
    check_board_address(address)
    kind, _, rest = address.partition(":")
    if kind == "serial":
        return run_on_serial(rest, build_id(code), timeout_s, progress=progress)
    board = board_of_target(rest)
    with scratch_folder("edgepack-board-") as work:
        project = export_firmware(code, board.name, Path(work) / "project", name, golden_inputs, golden_outputs)
        elf = build_firmware(project, find_toolchain(toolchain), Path(work) / "build", optimize, progress)
        return run_on_probe(board.pyocd_target or rest, elf, project.build, timeout_s, progress)
