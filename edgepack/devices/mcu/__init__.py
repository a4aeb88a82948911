"""Microcontrollers: building firmware, running it on emulated and attached cores, and what a model costs there."""

from __future__ import annotations

from edgepack.devices.mcu.attached import check_board_address, run_on_board
from edgepack.devices.mcu.bench import McuResult, Parity, bench_mcu
from edgepack.devices.mcu.board_report import BoardRun
from edgepack.devices.mcu.boards import BOARDS, Board, find_board
from edgepack.devices.mcu.cores import CORES, Core, find_core
from edgepack.devices.mcu.firmware_project import FirmwareProject, build_firmware, export_firmware

__all__ = [
    "BOARDS",
    "CORES",
    "Board",
    "BoardRun",
    "Core",
    "FirmwareProject",
    "McuResult",
    "Parity",
    "bench_mcu",
    "build_firmware",
    "check_board_address",
    "export_firmware",
    "find_board",
    "find_core",
    "run_on_board",
]
