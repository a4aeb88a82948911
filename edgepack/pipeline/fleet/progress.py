"""Showing work on many devices: a line for each that is at work, and one that stays when it has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TextIO

from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichBar

from edgepack.ground.escape import terminal_line, terminal_markup
from edgepack.ground.progress import PlainProgress, Progress, RichProgress, Task


class FleetProgress:
    """Hands each device a progress of its own and shows them together, in the way of `base`.

    Args:
        base: Live on a terminal, lines in a log, or silent.
        total: Number of devices.
    """

    def __init__(self, base: Progress, total: int) -> None:
        self._base = base
        self._total = total
        self._done = 0
        self._lock = threading.Lock()
        self._stack = ExitStack()
        self._bar: RichBar | None = None
        self._stream: TextIO | None = base.stream if isinstance(base, PlainProgress) else None

    def __enter__(self) -> FleetProgress:
        if isinstance(self._base, RichProgress):
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=16),
                TimeElapsedColumn(),
                TextColumn("[dim]{task.fields[text]}"),
            )
            self._bar = self._stack.enter_context(RichBar(*columns, console=self._base.console, transient=True))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    @contextmanager
    def device(self, name: str) -> Iterator[Progress]:
        """The progress of one device while the block runs."""
        row = None if self._bar is None else self._bar.add_task(terminal_markup(name), total=None, text="")
        try:
            yield _DeviceProgress(self, name, row)
        finally:
            if self._bar is not None and row is not None:
                self._bar.remove_task(row)

    def finished(self, name: str, text: str, good: bool) -> None:
        """The line that stays of a device."""
        with self._lock:
            self._done += 1
            count = f"[{self._done}/{self._total}]"
        if self._bar is not None:
            mark = "[green]✓[/]" if good else "[red]✗[/]"
            self._bar.console.print(f"{mark} [dim]{terminal_markup(count)}[/] {terminal_markup(name)}: {terminal_markup(text)}")
        else:
            self.line(f"{count} {name}: {text}")

    def line(self, text: str) -> None:
        """A line in a log; on a terminal above the live ones."""
        if self._stream is not None:
            with self._lock:
                print(terminal_line(text), file=self._stream, flush=True)
        elif self._bar is not None:
            self._bar.console.print(f"  {terminal_markup(text)}")

    def show(self, row: TaskID | None, name: str, stage: str, done: float, total: float, text: str) -> None:
        """What a device is at."""
        if self._bar is not None and row is not None:
            description = f"{terminal_markup(name)} [dim]{terminal_markup(stage)}[/]"
            self._bar.update(row, description=description, completed=done, total=total or None, text=terminal_markup(text))


class _DeviceProgress:
    """The Progress of one device; its stages end up in its one line."""

    def __init__(self, fleet: FleetProgress, name: str, row: TaskID | None) -> None:
        self._fleet, self._name, self._row = fleet, name, row

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Task]:
        self._fleet.show(self._row, self._name, name, 0, 0, detail)
        yield _DeviceTask(self._fleet, self._name, self._row, name)

    def note(self, text: str) -> None:
        self._fleet.line(f"note: {self._prefixed(text)}")

    def warn(self, text: str) -> None:
        self._fleet.line(f"warning: {self._prefixed(text)}")

    def _prefixed(self, text: str) -> str:
        return text if text.startswith(f"{self._name}:") else f"{self._name}: {text}"


class _DeviceTask:
    def __init__(self, fleet: FleetProgress, name: str, row: TaskID | None, stage: str) -> None:
        self._fleet, self._name, self._row, self._stage = fleet, name, row, stage

    def update(self, done: float, total: float, text: str = "") -> None:
        self._fleet.show(self._row, self._name, self._stage, done, total, text)

    def finish(self, text: str) -> None:
        self._fleet.show(self._row, self._name, self._stage, 1, 1, text)
