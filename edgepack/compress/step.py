"""What a compression step is: one technique with its options, taking a Keras model and giving one back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from edgepack.compress.named import NamedModel
    from edgepack.compress.options import StepOptions
    from edgepack.ground.progress import Task
    from edgepack.project.types import StepTable, Where
    from edgepack.sources import Dataset

Place = Literal["first", "middle", "last"]

_NAMED_AT_MOST = 8

# What a step can leave behind in the weights that a later step must not destroy: zeros, few distinct float values a layer
# (clusters), few distinct int8 codes an output channel (codes).
Structure = Literal["zeros", "clusters", "codes"]


@dataclass(frozen=True)
class Quantization:
    """How the model is to be stored as .tflite, for conversion.

    `aware`: the Keras model carries trained quantization ranges. `preserved`: what the steps before left in the weights and the
    file must still have. `int16`: patterns of layers whose outputs keep 16 bits in an int8 file.
    """

    scheme: Literal["int8", "int16x8", "float16", "dynamic"]
    aware: bool
    preserved: tuple[str, ...] = ()
    int16: tuple[str, ...] = ()


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


class Step(Protocol):
    """One `[[recipe]]` table, checked.

    A technique is a frozen dataclass of this form in a file of its own, registered in `registry.py`. `version` changes whenever
    the same options would give another model. `leaves` is what the step puts into the weights, `keeps` what of earlier steps
    survives it; a recipe in which something left is not kept is refused.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    place: ClassVar[Place]
    leaves: ClassVar[frozenset[Structure]]

    @property
    def keeps(self) -> frozenset[Structure]:
        """What of earlier steps survives this one."""

    @property
    def options(self) -> StepOptions:
        """The checked options."""

    @property
    def where(self) -> Where:
        """Where the table stands."""

    @property
    def title(self) -> str:
        """What is shown while the step runs: "Pruning"."""

    @property
    def label(self) -> str:
        """The step in a table: "prune 50 %"."""

    @property
    def trains(self) -> bool:
        """Whether the model changes at all; if not, `apply` is never called."""

    @classmethod
    def read(cls, table: StepTable) -> Step:
        """The step of a table.

        Raises:
            ProjectError: EP-402, EP-403 or EP-405, with file and line.
        """

    def apply(self, model: Any, work: Work) -> Any:
        """Compress `model` (a flat functional tf_keras model that the step may use up) and return the new model.

        Raises:
            RecipeError: what the step cannot do with this model or data.
        """
