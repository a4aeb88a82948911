"""Addresses of attached boards: "serial:PORT", or "probe:TARGET" by pyocd's name of the part or the board's name."""

from __future__ import annotations

from pathlib import Path

from edgepack.ground.errors import DeviceError, ProjectError
from edgepack.mcu.boards.boards import BOARDS, Board


def check_board_address(address: str) -> None:
    """Find out, without waiting for anything, what of an address cannot be used.

    Raises:
        ProjectError: EP-557 for an address of another form or a part without a board file.
        DeviceError: EP-563 for a serial port that is not there.
    """
    kind, _, rest = address.partition(":")
    if kind not in ("serial", "probe") or not rest:
        raise ProjectError("EP-557", f"{address!r} is no board", 'use "emulated", "serial:/dev/ttyACM0" or "probe:nrf52840"')
    if kind == "probe":
        board_of_target(rest)
    elif rest.startswith("/") and not Path(rest).exists():
        raise DeviceError(
            "EP-563", f"there is no serial port {rest}", "plug the board in; `python -m serial.tools.list_ports` lists the ports"
        )


def board_of_target(target: str) -> Board:
    """The board that pyocd's name of a part, or its own name, stands for.

    Raises:
        ProjectError: EP-557 for a part without a board file.
    """
    wanted = target.lower().replace("_", "-")
    for board in BOARDS.values():
        if board.pyocd_target is not None and wanted in (board.pyocd_target, board.name):
            return board
    known = ", ".join(sorted(board.pyocd_target for board in BOARDS.values() if board.pyocd_target))
    raise ProjectError("EP-557", f"no board file for {target!r}", f"known parts: {known}; for others export the generic firmware")
