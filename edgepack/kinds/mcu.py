"""Microcontrollers: an emulated core, or a board on a serial port or a debug probe. They hold one firmware."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from edgepack.cores import find_core
from edgepack.ground.errors import DeviceError
from edgepack.kinds.find import find_program, package_version
from edgepack.kinds.kind import DeviceKind, DeviceSettings, DeviceTarget

if TYPE_CHECKING:
    from edgepack.devices import Device

EMULATED = "emulated"
"""The address of the core that an emulator plays on this machine."""


def _open(target: DeviceTarget, address: str | None) -> AbstractContextManager[Device]:
    """A firmware is built for the board and run by mcu/; there is nothing that keeps files."""
    raise DeviceError(
        "EP-523",
        f"target {target.name}: edgepack cannot deploy to a device of kind {MCU.name}",
        "use a target of kind local, ssh, adb or mcu",
    )


def _check_address(address: str) -> None:
    from edgepack.mcu.boards.address import check_board_address

    if address != EMULATED:
        check_board_address(address)


def _own_address(settings: DeviceSettings) -> str:
    return settings.board or EMULATED


def _wrong(table: Any) -> tuple[str, str, str] | None:
    if table.board is None or re.fullmatch(r"emulated|(serial|probe):\S+", table.board):
        return None
    return f"{table.board!r} is not a board", 'write "emulated", "serial:/dev/ttyACM0" or "probe:TARGET"', "board"


def _lacks(target: DeviceTarget, environ: Mapping[str, str]) -> tuple[str, ...]:
    missing = [name for name in ("ziglang", "unicorn") if package_version(name) is None]
    if find_core(str(target.device.cpu)).unicorn_model is None and find_program("qemu-system-arm") is None:
        missing.append("qemu-system-arm")
    return tuple(missing)


MCU = DeviceKind(
    name="mcu",
    title="a microcontroller",
    holds="firmware",
    open=_open,
    coding="auto",
    keys=frozenset({"cpu", "clock", "board", "optimize", "coding", "input", "runtime", "current", "voltage"}),
    instead_of_budgets={"peak_memory": "ram"},
    needed={
        "cpu": 'add cpu = "cortex-m4" or what your chip has',
        "clock": 'add clock = "80 MHz" or what your chip has',
    },
    wrong=_wrong,
    own_address=_own_address,
    check_address=_check_address,
    lacks=_lacks,
    instead_of_standin="needs none: deploy to it as it is",
)
