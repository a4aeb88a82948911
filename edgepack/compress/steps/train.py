"""The step `train`: the float model itself, from its initial weights."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from edgepack.compress.step import Place
from edgepack.compress.technique import FineTuning
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import choose_loss
from edgepack.compress.work import Structure, Work


class Train(FineTuning):
    """Train the model on the training split; its best epoch is what everything later is compared with.

    Left out, with a note, when the model comes with weights.
    """

    name: ClassVar[str] = "train"
    title: ClassVar[str] = "Training"
    version: ClassVar[int] = 1
    place: ClassVar[Place] = "first"
    keeps: ClassVar[frozenset[Structure]] = frozenset()

    epochs: int = Field(default=30, ge=1, description="passes over the training data at most")
    patience: int = Field(
        default=8, ge=0, description="epochs without a better validation result before stopping; 0 never stops early"
    )

    @property
    def label(self) -> str:
        """For example "train"."""
        return "train"

    def apply(self, model: Any, work: Work) -> Any:
        """Train `model` in place."""
        loss = choose_loss(model, work.data, self.loss)
        work.note(fit(model, work, self, loss).text)
        return model
