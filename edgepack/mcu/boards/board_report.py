"""The lines an attached board prints (firmware/main_board.c), read into one result."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgepack.ground.errors import DeviceError


@dataclass(frozen=True)
class BoardRun:
    """What an attached board measured on its golden vectors.

    `cycles` has one entry an inference, in the order they ran, read from the core's own counter; `seconds` are cycles at
    `clock_hz`. `emulated`: an emulator stood in for the board, so they are no hardware's. `differing` is how many of the
    `vectors` gave other bits than the reference at least once.
    """

    board: str
    cpu: str
    model: str
    build: str
    counter: str
    clock_hz: int
    vectors: int
    runs: int
    cycles: tuple[int, ...]
    differing: int
    stack_bytes: int
    emulated: bool = False

    @property
    def seconds(self) -> tuple[float, ...]:
        """Latency of each inference."""
        return tuple(count / self.clock_hz for count in self.cycles)


def read_report(lines: Iterable[bytes], build: str | None = None) -> BoardRun | None:
    """The first complete report in `lines`; None when they end before it does.

    Anything before the report's first line is skipped: a boot message, or the rest of a report that began earlier. A
    report that starts again supersedes the one before. `build` is the firmware's expected identification.

    Raises:
        DeviceError: EP-553 when the firmware faulted, EP-556 when NAME_run failed, EP-561 when the board runs another build,
            EP-562 when a line inside the report is garbled.
    """
    head: dict[str, Any] | None = None
    cycles: list[int] = []
    wrong: set[int] = set()
    for raw in lines:
        record = _parse(raw)
        if record is not None and record.get("edgepack") == 1:
            head, cycles, wrong = record, [], set()
            _check_build(record, build)
        elif record is not None and "fault" in record:
            raise _fault(head, record)
        elif head is None or not raw.strip():
            continue
        elif record is None:
            raise DeviceError(
                "EP-562", f"the board sent a garbled line: {raw[:60]!r}", "check the cable and 115200 baud 8N1, then run again"
            )
        elif "vector" in record:
            _check_status(head, record)
            cycles.append(int(record["cycles"]))
            if record["differing"]:
                wrong.add(int(record["vector"]))
        elif "done" in record:
            if len(cycles) != head["vectors"] * head["runs"]:
                raise DeviceError(
                    "EP-562",
                    f"the board's report has {len(cycles)} inferences instead of {head['vectors'] * head['runs']}",
                    "characters were lost: check the cable and 115200 baud 8N1, then run again",
                )
            return _run(head, cycles, wrong, int(record["stack"]))
    return None


def _run(head: dict[str, Any], cycles: list[int], wrong: set[int], stack: int) -> BoardRun:
    return BoardRun(
        board=str(head["board"]),
        cpu=str(head["cpu"]),
        model=str(head["model"]),
        build=str(head["build"]),
        counter=str(head["counter"]),
        clock_hz=int(head["clock_hz"]),
        vectors=int(head["vectors"]),
        runs=int(head["runs"]),
        cycles=tuple(cycles),
        differing=len(wrong),
        stack_bytes=stack,
        emulated=bool(head.get("emulated")),
    )


def _parse(raw: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(raw.decode("ascii"))
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _check_build(record: dict[str, Any], build: str | None) -> None:
    if build is not None and record.get("build") != build:
        raise DeviceError(
            "EP-561",
            f"the board runs build {record.get('build')} of {record.get('model')}, not {build}",
            "flash the firmware that was exported with this pack",
        )


def _check_status(head: dict[str, Any], record: dict[str, Any]) -> None:
    if record["failed"]:
        raise DeviceError(
            "EP-556",
            f"{head['model']}_run failed for golden vector {record['vector']}",
            "it returns 0 unless its arguments are wrong",
        )


def _fault(head: dict[str, Any] | None, record: dict[str, Any]) -> DeviceError:
    place = f"pc {record.get('pc', 0):#010x}, lr {record.get('lr', 0):#010x}, CFSR {record.get('cfsr', 0):#010x}"
    return DeviceError(
        "EP-553",
        f"the firmware faulted on {head['board'] if head else 'the board'}: {place}",
        "look the addresses up with addr2line in the firmware's ELF",
    )
