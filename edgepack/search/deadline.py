"""A trial's progress, shown as the text of the search's own stage, and given up when its time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edgepack.ground.progress import Progress, SilentProgress, Task


class OutOfTime(Exception):
    """The deadline came before the end."""


def until(progress: Progress, deadline: float | None) -> Progress:
    """`progress`, whose updates raise OutOfTime after `deadline` (seconds since 1970); as it is without one."""
    return progress if deadline is None else _Until(progress, deadline)


class _UntilTask:
    def __init__(self, task: Task, deadline: float) -> None:
        self._task, self._deadline = task, deadline

    def update(self, done: float, total: float, text: str = "") -> None:
        if time.time() > self._deadline:
            raise OutOfTime
        self._task.update(done, total, text)

    def finish(self, text: str) -> None:
        self._task.finish(text)


class _Until:
    def __init__(self, progress: Progress, deadline: float) -> None:
        self._progress, self._deadline = progress, deadline

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Task]:
        """A stage that begins and goes on only in time."""
        if time.time() > self._deadline:
            raise OutOfTime
        with self._progress.stage(name, detail) as task:
            yield _UntilTask(task, self._deadline)

    def note(self, text: str) -> None:
        """Handed on."""
        self._progress.note(text)

    def warn(self, text: str) -> None:
        """Handed on."""
        self._progress.warn(text)


class _ToldTask:
    def __init__(self, tell: Callable[[str], None], name: str) -> None:
        self._tell, self._name = tell, name

    def update(self, done: float, total: float, text: str = "") -> None:
        share = f" {100 * done / total:.0f} %" if total else ""
        self._tell(f"{self._name}{share}")

    def finish(self, text: str) -> None:
        self._tell(f"{self._name}: {text}")


class InOneLine(SilentProgress):
    """Tells `tell` in a line what is being done; notes and warnings of single trials are dropped."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Task]:
        """A stage as a line."""
        self._tell(name)
        yield _ToldTask(self._tell, name)
