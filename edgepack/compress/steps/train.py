"""The step `train`: the float model itself, from its initial weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from edgepack.compress.options import FineTuning
from edgepack.compress.reading import read_options
from edgepack.compress.step import Place, Structure, Work
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.project.types import StepTable, Where


class TrainOptions(FineTuning):
    """Options of `train`."""

    epochs: int = Field(default=30, ge=1, description="passes over the training data at most")
    patience: int = Field(
        default=8, ge=0, description="epochs without a better validation result before stopping; 0 never stops early"
    )


@dataclass(frozen=True)
class Train:
    """Train the model on the training split; its best epoch is what everything later is compared with.

    Left out, with a note, when the model comes with weights.
    """

    options: TrainOptions
    where: Where

    name: ClassVar[str] = "train"
    version: ClassVar[int] = 1
    place: ClassVar[Place] = "first"
    leaves: ClassVar[frozenset[Structure]] = frozenset()
    keeps: ClassVar[frozenset[Structure]] = frozenset()

    title: ClassVar[str] = "Training"
    trains: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """For example "train"."""
        return "train"

    @classmethod
    def read(cls, table: StepTable) -> Train:
        """The step of a table."""
        return cls(read_options(table, TrainOptions), table.where)

    def apply(self, model: Any, work: Work) -> Any:
        """Train `model` in place."""
        loss = choose_loss(model, work.data, self.options.loss)
        work.note(fit(model, work, self.options, loss).text)
        return model
