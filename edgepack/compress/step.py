"""What a compression step is: one technique with its options, taking a Keras model and giving one back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from edgepack.compress.results import Quantization
from edgepack.compress.work import Structure, Work

if TYPE_CHECKING:
    from typing_extensions import Self

    from edgepack.project.types import StepTable, Where

Place = Literal["first", "middle", "last"]


class Step(Protocol):
    """A step of a recipe, its options checked: all that checking and running a recipe ask of it.

    A technique is a class of this form in a file of its own in `steps/`, listed in `registry.py`. It is made on
    `technique.FineTuning` when it trains, else on `technique.WithoutTraining`; "by default" below means what these say.
    """

    name: ClassVar[str]
    """Its name in a recipe: "prune"."""
    title: ClassVar[str]
    """What is shown while it runs: "Pruning"."""
    version: ClassVar[int]
    """Part of a kept step's key; changes whenever the same options would give another model."""
    place: ClassVar[Place]
    """Where it can stand: at the top, at the end, or (by default) anywhere between."""
    leaves: ClassVar[frozenset[Structure]]
    """What it puts into the weights that no later step may destroy; nothing by default."""

    @property
    def keeps(self) -> frozenset[Structure]:
        """What of earlier steps survives this one; a recipe in which something left is not kept is refused."""

    @property
    def where(self) -> Where:
        """Where its table stands; for an object, the argument it was given as, or its class."""

    @property
    def label(self) -> str:
        """The step in a table: "prune 50 %". By default its name."""

    @property
    def options(self) -> dict[str, Any]:
        """Every option with its value, as plain data: what could be written in a `[[recipe]]` table."""

    @property
    def written(self) -> dict[str, Any]:
        """The options that were set, as plain data: what a `[[recipe]]` table that makes this step needs to hold."""

    @property
    def trains(self) -> bool:
        """Whether the model changes at all; if not, `apply` is never called. True by default."""

    @property
    def seed(self) -> int:
        """Of every random choice; 0 in steps without the option."""

    @property
    def teacher(self) -> str:
        """The model to learn from, as an option names it; empty by default, and in steps that do not train."""

    @property
    def fixed_answers(self) -> bool:
        """Whether the teacher's outputs for the training split are the same in every epoch, so that they are computed once."""

    @property
    def regresses(self) -> bool:
        """Whether it trains outputs towards the labels' own numbers (by a squared error, say); false by default."""

    @property
    def replaced_by(self) -> str:
        """The model that takes the place of the one before (a student), as an option names it; by default there is none."""

    @classmethod
    def read(cls, table: StepTable) -> Self:
        """The step of a `[[recipe]]` table.

        Raises:
            ProjectError: EP-402, EP-403 or EP-405, with file and line.
        """

    def placed(self, where: Where) -> Self:
        """The same step, found at `where`."""

    def key(self) -> Mapping[str, Any]:
        """The options that the step's Keras model depends on, JSON-able: what a kept step is found by."""

    def quantization(self, kept: frozenset[Structure]) -> Quantization:
        """What conversion has to know when this step is the last; `kept` is what the steps left in the weights.

        By default int8 after training.
        """

    def apply(self, model: Any, work: Work) -> Any:
        """Compress `model` (a flat functional tf_keras model that the step may use up) and return the new model.

        Raises:
            RecipeError: what the step cannot do with this model or data.
        """
