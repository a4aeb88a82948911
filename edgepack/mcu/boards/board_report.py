"""The lines an attached board prints (firmware/main_board.c), read into one result."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import parse_json

LONGEST_LINE = 1024
"""Bytes of a line that a board may send; what it has to say fits a quarter of that."""

_MOST_INFERENCES = 100_000
_MOST_ASIDE = 1000  # lines within a report that are none of its own
_MOST_BEGINNINGS = 20
_AGAIN = "check the cable and 115200 baud 8N1, then run again"


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
            EP-562 when a line inside the report is garbled, or when there is no end to it.
    """
    head: dict[str, Any] | None = None
    cycles: list[int] = []
    wrong: set[int] = set()
    begun = aside = 0
    for raw in lines:
        record = _parse(raw)
        begins = record is not None and record.get("edgepack") == 1
        begun += begins
        if begun > _MOST_BEGINNINGS or aside > _MOST_ASIDE or len(cycles) > _MOST_INFERENCES:
            raise DeviceError("EP-562", "the board sends a report without end", "flash the exported firmware, and run again")
        if record is not None and begins:
            head, cycles, wrong = _head(record, raw), [], set()
            _check_build(record, build)
        elif record is not None and "fault" in record:
            raise _fault(head, record)
        elif head is None:
            continue
        elif record is None:
            if raw.strip():
                raise _garbled(raw)
            aside += 1
        elif "vector" in record:
            vector, took = _whole(record, "vector", raw), _whole(record, "cycles", raw)
            _check_status(head, record)
            cycles.append(took)
            if record.get("differing"):
                wrong.add(vector)
        elif "done" in record:
            if len(cycles) != head["vectors"] * head["runs"]:
                raise DeviceError(
                    "EP-562",
                    f"the board's report has {len(cycles)} inferences instead of {head['vectors'] * head['runs']}",
                    f"characters were lost: {_AGAIN}",
                )
            return _run(head, cycles, wrong, _whole(record, "stack", raw))
        else:
            aside += 1
    return None


def _head(record: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """The report's first line, when it says what a first line has to."""
    for key in ("clock_hz", "vectors", "runs"):
        if _whole(record, key, raw) == 0:
            raise _garbled(raw)
    if not all(isinstance(record.get(key), str) for key in ("board", "cpu", "model", "build", "counter")):
        raise _garbled(raw)
    return record


def _whole(record: dict[str, Any], key: str, raw: bytes) -> int:
    value = record.get(key)
    if type(value) is not int or value < 0:
        raise _garbled(raw)
    return value


def _garbled(raw: bytes) -> DeviceError:
    return DeviceError("EP-562", f"the board sent a garbled line: {raw[:60]!r}", _AGAIN)


def _run(head: dict[str, Any], cycles: list[int], wrong: set[int], stack: int) -> BoardRun:
    return BoardRun(
        board=head["board"],
        cpu=head["cpu"],
        model=head["model"],
        build=head["build"],
        counter=head["counter"],
        clock_hz=head["clock_hz"],
        vectors=head["vectors"],
        runs=head["runs"],
        cycles=tuple(cycles),
        differing=len(wrong),
        stack_bytes=stack,
        emulated=bool(head.get("emulated")),
    )


def _parse(raw: bytes) -> dict[str, Any] | None:
    if len(raw) > LONGEST_LINE:
        return None
    try:
        record = parse_json(raw.decode("ascii"))
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
    if record.get("failed"):
        raise DeviceError(
            "EP-556",
            f"{head['model']}_run failed for golden vector {record['vector']}",
            "it returns 0 unless its arguments are wrong",
        )


def _fault(head: dict[str, Any] | None, record: dict[str, Any]) -> DeviceError:
    registers = {name: record.get(name) for name in ("pc", "lr", "cfsr")}
    known = {name: f"{value:#010x}" if isinstance(value, int) else "unknown" for name, value in registers.items()}
    place = f"pc {known['pc']}, lr {known['lr']}, CFSR {known['cfsr']}"
    return DeviceError(
        "EP-553",
        f"the firmware faulted on {head['board'] if head else 'the board'}: {place}",
        "look the addresses up with addr2line in the firmware's ELF",
    )
