"""An attached board behind a debug probe: pyocd loads the firmware, and its report is read from the board's memory.

This has not run against a probe: only the commands it issues and the reading of memory images are tested.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.foreign import read_regular
from edgepack.ground.progress import Progress, SilentProgress
from edgepack.ground.scratch import scratch_folder
from edgepack.mcu.boards.board_report import BoardRun, read_report
from edgepack.mcu.image.elf import Elf, read_elf
from edgepack.workers.process import MOST_WORDS, run_process

_POLL_S = 1.0
_COMMAND_TIMEOUT_S = 120.0


def run_on_probe(
    target: str, elf: Path, build: str | None = None, timeout_s: float = 120.0, progress: Progress | None = None
) -> BoardRun:
    """Load `elf` on the part that pyocd calls `target`, let it run, and read its report.

    Raises:
        ToolError: EP-606 when pyocd is not installed.
        DeviceError: EP-554 when the report is not there in time, EP-564 when pyocd fails, EP-533 when it writes
            without end, and what board_report.read_report raises.
    """
    program = read_elf(elf)
    log = program.symbol("edgepack_log")
    with (progress or SilentProgress()).stage("Measuring", f"pyocd, {target}") as task, scratch_folder() as name:
        task.update(0, 1, "loading the firmware")
        _pyocd(["load", "--no-wait", "--target", target, str(elf)])
        start = _entry_in_ram(program)
        if start is not None:
            # The reset after loading went to the boot ROM; memory keeps the program.
            _commander(target, "halt", "reset halt", f"wreg pc {start:#x}", "go")
        image = Path(name) / "log.bin"
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            time.sleep(_POLL_S)
            task.update(0, 1, "waiting for the report")
            # Attaching reads the memory of a running core; halting it would stop the inferences.
            _commander(target, "attach", f"savemem {log.address:#x} {log.size} {image}")
            report = read_report(log_lines(_read_image(image, log.size)), build)
            if report is not None:
                return report
    raise DeviceError(
        "EP-554", f"no complete report from {target} within {timeout_s:.0f} s", "check the board's clock set-up in board.c"
    )


def _read_image(image: Path, size: int) -> bytes:
    try:
        return read_regular(image, size)
    except (OSError, ValueError) as error:
        hint = "`pyocd list` shows the probes it sees"
        raise DeviceError("EP-564", f"pyocd gave no image of the board's log: {error}", hint) from error


def log_lines(image: bytes) -> list[bytes]:
    """The complete lines of the board's log."""
    text = image.split(b"\0", 1)[0]
    return text.split(b"\n")[:-1]


def _entry_in_ram(program: Elf) -> int | None:
    """Where a program without flash starts (boards/raspberry_pi_pico.c); None for a program that a reset starts."""
    return next((symbol.address for symbol in program.symbols if symbol.name == "edgepack_entry"), None)


def _commander(target: str, connect: str, *commands: str) -> None:
    steps = [part for command in commands for part in ("--command", command)]
    _pyocd(["commander", "--no-wait", "--target", target, "--connect", connect, *steps])


def _pyocd(arguments: list[str]) -> None:
    program = shutil.which("pyocd")
    if program is None:
        raise ToolError(
            "EP-606", "pyocd is not installed", "pip install pyocd; then `pyocd pack install` the part if it is unknown"
        )
    done = run_process([program, *arguments], timeout=_COMMAND_TIMEOUT_S, kill_group=True, most=MOST_WORDS)
    if done.status is None:
        raise DeviceError("EP-564", f"pyocd {arguments[0]} did not end in {_COMMAND_TIMEOUT_S:.0f} s", "replug the probe")
    if done.status != 0:
        said = ([line for line in (done.text + done.errors).splitlines() if line.strip()] or [f"status {done.status}"])[-1]
        raise DeviceError("EP-564", f"pyocd {arguments[0]} failed: {said.strip()[:300]}", "`pyocd list` shows the probes it sees")
