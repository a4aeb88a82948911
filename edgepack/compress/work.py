"""What a running step works with: data, progress, models that its options name, and what earlier steps left in the weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgepack.ground.progress import Task

if TYPE_CHECKING:
    from edgepack.compress.named import NamedModel
    from edgepack.sources import Dataset

# What a step can leave behind in the weights that a later step must not destroy: zeros, few unique float values per output
# channel (clusters), few unique int8 codes per output channel (codes).
Structure = Literal["zeros", "clusters", "codes"]

_NAMED_AT_MOST = 8


@dataclass
class Work:
    """What a running step may use: the data, where it reports progress, what earlier steps left in the weights, and the models
    that its options name: `teacher` to learn from, `student` to begin with."""

    data: Dataset
    task: Task
    kept: frozenset[Structure] = frozenset()
    notes: list[str] = field(default_factory=list)
    teacher: NamedModel | None = None
    student: NamedModel | None = None

    def note(self, text: str) -> None:
        """Say something of this step that belongs into the report."""
        self.notes.append(text)

    def note_layers(self, what: str, layers: Sequence[str], reason: str) -> None:
        """A note about some layers, if there are any, naming the first few."""
        if layers:
            more = f" and {len(layers) - _NAMED_AT_MOST} more" if len(layers) > _NAMED_AT_MOST else ""
            self.note(f"{what}: {', '.join(layers[:_NAMED_AT_MOST])}{more} ({reason})")
