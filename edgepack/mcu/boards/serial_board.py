"""An attached board on a serial port: start its test loop and read what it measured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.mcu.boards.board_report import LONGEST_LINE, BoardRun, read_report

BAUD = 115200
# How often the start character is repeated until the report begins: the board may still be booting.
_NUDGE_S = 2.0


def run_on_serial(
    port: str, build: str | None = None, timeout_s: float = 120.0, baud: int = BAUD, progress: Progress | None = None
) -> BoardRun:
    """Have the board on serial port `port` (such as /dev/ttyACM0) run its golden vectors.

    `build` is the FirmwareProject's identification; a board with other firmware is refused. `timeout_s` is how long the
    board may be silent: a slow model may take many times that for all its inferences.

    Raises:
        ToolError: EP-605 when pyserial is not installed.
        DeviceError: EP-554 when the report does not come or does not end in time, EP-563 when the port cannot be opened or
            vanishes, and what board_report.read_report raises.
    """
    try:
        import serial
    except ImportError as error:
        raise ToolError("EP-605", "pyserial is not installed", "pip install pyserial") from error
    try:
        connection = serial.Serial(port, baud, timeout=0.2, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        raise _unreachable(port, error) from error
    with connection, (progress or SilentProgress()).stage("Measuring", port) as task:
        try:
            connection.reset_input_buffer()
            task.update(0, 1, "waiting for the board")
            report = read_report(_lines(connection, timeout_s), build)
        except (serial.SerialException, OSError) as error:
            raise _unreachable(port, error) from error
    if report is None:
        raise DeviceError(
            "EP-554",
            f"no complete report from {port} within {timeout_s:.0f} s",
            "check that the exported firmware is flashed and the port is the board's; press its reset button",
        )
    return report


def _lines(connection: Any, timeout_s: float) -> Iterator[bytes]:
    """Lines until `timeout_s` seconds pass without one of the report; nudges the board until the report begins."""
    end, nudge, started = time.monotonic() + timeout_s, 0.0, False
    pending = b""
    while (now := time.monotonic()) < end:
        if not started and now >= nudge:
            connection.write(b"r")
            nudge = now + _NUDGE_S
        pending += connection.read(max(1, connection.in_waiting))
        *complete, pending = pending.split(b"\n")
        pending = pending[: LONGEST_LINE + 1]  # enough to see that it is too long
        for line in complete:
            started = started or b'"edgepack"' in line
            end = now + timeout_s if started else end
            yield line.rstrip(b"\r")


def _unreachable(port: str, error: Exception) -> DeviceError:
    hint = "list the ports with `python -m serial.tools.list_ports`; on Linux your user must be in the group dialout"
    return DeviceError("EP-563", f"serial port {port} cannot be used: {error}", hint)
