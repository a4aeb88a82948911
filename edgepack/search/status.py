"""What searches of a project have found so far, read from their storage; nothing of the project is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.ground.errors import ProjectError
from edgepack.pipeline.request import read_project
from edgepack.search.choice import words
from edgepack.search.loop import best_of
from edgepack.search.storage import import_optuna, open_storage
from edgepack.search.study import Entry, entries_of
from edgepack.search.telling import best_words
from edgepack.search.wish import prefix_of

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Status:
    """One study: how many of its trials are in which state, what runs, and the best so far."""

    study: str
    target: str
    done: int
    failed: int
    waiting: int
    running: tuple[str, ...]
    best: int | None
    best_recipe: str
    best_words: str

    def lines(self) -> tuple[str, ...]:
        """As a person reads it."""
        counts = f"{self.done} done, {len(self.running)} running, {self.waiting} waiting, {self.failed} without a model"
        best = (f"  best: {self.best_words}", f"  recipe: {self.best_recipe}") if self.best is not None else ()
        return (f"{self.study}: {counts}", *best, *(f"  running: {one}" for one in self.running))


def read_status(project: Path, storage: str | None) -> tuple[Status, ...]:
    """The project's studies, the newest last.

    Raises:
        ProjectError: EP-184 when there is none; EP-183 when the storage cannot be opened; ToolError: EP-693 without optuna.
    """
    library = import_optuna()
    read = read_project(project)
    opened = open_storage(storage, read.folder)
    names = [name for name in library.study.get_all_study_names(opened) if name.startswith(prefix_of(read.name))]
    if not names:
        raise ProjectError("EP-184", f"{read.name}: no search was begun here", "run edgepack search, or name its --storage")
    return tuple(_status(library.load_study(study_name=name, storage=opened)) for name in names)


def _status(study: optuna.Study) -> Status:
    entries = tuple(entries_of(study))
    facts = study.user_attrs
    best = best_of(entries)
    return Status(
        study=study.study_name,
        target=str(facts.get("target", "")),
        done=_count(entries, "done"),
        failed=_count(entries, "failed"),
        waiting=_count(entries, "waiting"),
        running=tuple(
            f"trial {entry.number} on {entry.owner.split(':')[0]}, {entry.epochs} epochs ({words(entry.choice)})"
            for entry in entries
            if entry.state == "running"
        ),
        best=None if best is None else best.number,
        best_recipe="" if best is None else words(best.choice),
        best_words=best_words(best, facts.get("objectives", ())),
    )


def _count(entries: tuple[Entry, ...], state: str) -> int:
    return sum(entry.state == state for entry in entries)
