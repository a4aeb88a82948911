"""Showing what a long run does: a live bar on a terminal, plain lines elsewhere, nothing when silenced."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichBar
from rich.text import Text

from edgepack.ground.escape import terminal_line, terminal_markup
from edgepack.ground.time_left import TimeLeft


class Task(Protocol):
    """One running stage."""

    def update(self, done: float, total: float, text: str = "") -> None:
        """`done` of `total` units are finished; `text` is what is happening now."""

    def finish(self, text: str) -> None:
        """What to say of the stage when it has ended, for example "cached" or "98.1 %"."""


class Progress(Protocol):
    """Where stages, notes and warnings are shown."""

    def stage(self, name: str, detail: str = "") -> AbstractContextManager[Task]:
        """Show a stage while the block runs."""

    def note(self, text: str) -> None:
        """Something worth knowing that is no fault."""

    def warn(self, text: str) -> None:
        """Something that may make the result worse than expected."""


class _SilentTask:
    def update(self, done: float, total: float, text: str = "") -> None:
        pass

    def finish(self, text: str) -> None:
        pass


class SilentProgress:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Task]:
        """A stage nobody sees."""
        yield _SilentTask()

    def note(self, text: str) -> None:
        """Dropped."""

    def warn(self, text: str) -> None:
        """Dropped."""


def _print(text: str, stream: TextIO) -> None:
    print(terminal_line(text), file=stream, flush=True)


class _PlainTask:
    def __init__(self, stream: TextIO, name: str, interval: float) -> None:
        self._stream, self._name, self._interval = stream, name, interval
        self._last = time.monotonic()
        self._left = TimeLeft()
        self.ending = ""

    def update(self, done: float, total: float, text: str = "") -> None:
        now, left = time.monotonic(), self._left.words(done, total)
        if now - self._last >= self._interval:
            self._last = now
            share = f"{100 * done / total:.0f} %" if total else ""
            _print(f"  {self._name}: {', '.join(part for part in (share, text, left) if part)}", self._stream)

    def finish(self, text: str) -> None:
        self.ending = text


class PlainProgress:
    """A line when a stage starts, one every few seconds while it lasts, and one when it ends: for logs and pipes."""

    def __init__(self, stream: TextIO | None = None, interval: float = 10.0) -> None:
        self._stream = stream or sys.stderr
        self._interval = interval

    @property
    def stream(self) -> TextIO:
        """Where the lines go."""
        return self._stream

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Task]:
        """Lines for one stage."""
        label = f"{name} ({detail})" if detail else name
        _print(label, self._stream)
        task = _PlainTask(self._stream, name, self._interval)
        start = time.monotonic()
        yield task
        ending = f": {task.ending}" if task.ending else ""
        text = task.ending if task.ending.startswith("cached") else f"done in {time.monotonic() - start:.1f} s{ending}"
        _print(f"  {text}", self._stream)

    def note(self, text: str) -> None:
        """One line."""
        _print(f"  note: {text}", self._stream)

    def warn(self, text: str) -> None:
        """One line."""
        _print(f"  warning: {text}", self._stream)


class _StageBar(RichBar):
    """What a stage does, a bar and the time, and below them, in a line of its own, the words of its last update."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        for task in self.tasks:
            if task.fields["text"]:
                yield Text(f"  {task.fields['text']}", "dim", no_wrap=True, overflow="ellipsis")


class _RichTask:
    def __init__(self, bar: RichBar, identity: int) -> None:
        self._bar, self._id = bar, identity
        self._left = TimeLeft()
        self.ending = ""

    def update(self, done: float, total: float, text: str = "") -> None:
        words = {"text": terminal_line(text), "left": self._left.words(done, total)}
        self._bar.update(self._id, completed=done, total=total or None, **words)  # type: ignore[arg-type]

    def finish(self, text: str) -> None:
        self.ending = text


class RichProgress:
    """A spinner, a bar, the time taken and the time left on a terminal; each finished stage stays as one line."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    @property
    def console(self) -> Console:
        """Where it is shown."""
        return self._console

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Task]:
        """A live bar while the block runs, then a line with a tick and the time it took."""
        bar = _StageBar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[left]}"),
            console=self._console,
            transient=True,
        )
        start = time.monotonic()
        label = f"{terminal_markup(name)} [dim]{terminal_markup(detail)}[/]" if detail else terminal_markup(name)
        with bar:
            identity = bar.add_task(label, total=None, text="", left="")
            task = _RichTask(bar, identity)
            yield task
        ending = f" [cyan]{terminal_markup(task.ending)}[/]" if task.ending else ""
        self._console.print(f"[green]✓[/] {label}{ending} [dim]{time.monotonic() - start:.1f} s[/]")

    def note(self, text: str) -> None:
        """One dim line."""
        self._console.print(f"  [dim]note:[/] {terminal_markup(text)}")

    def warn(self, text: str) -> None:
        """One yellow line."""
        self._console.print(f"  [yellow]warning:[/] {terminal_markup(text)}")


def choose_progress(quiet: bool) -> Progress:
    """Silent when asked, live on a terminal, plain lines otherwise (everything on standard error)."""
    if quiet:
        return SilentProgress()
    return RichProgress() if sys.stderr.isatty() else PlainProgress()
