"""The step `fold`: BatchNorm and channels that carry nothing, put into the layers beside them; the results stay the same."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from edgepack.compress.folding.dead_channels import remove_dead_channels
from edgepack.compress.folding.fold_batchnorm import fold_batch_norm
from edgepack.compress.option_errors import contradiction
from edgepack.compress.technique import WithoutTraining
from edgepack.compress.work import Structure, Work


class Fold(WithoutTraining):
    """Fold BatchNorm and dead channels; no training, and the same results."""

    name: ClassVar[str] = "fold"
    title: ClassVar[str] = "Folding"
    version: ClassVar[int] = 1
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros"})

    batch_norm: Literal["all", "lone", "none"] = Field(
        default="all", description="all BatchNorm layers, or only those that no converter folds, or none"
    )
    lone: Literal["depthwise", "leave"] = Field(
        default="depthwise", description="a BatchNorm that no layer can take over becomes a 1x1 depthwise convolution, or stays"
    )
    dead_channels: bool = Field(
        default=True, description="remove channels that are constant for every input, or that nobody reads"
    )

    @property
    def label(self) -> str:
        """For example "fold"."""
        return "fold"

    def check(self) -> None:
        """Refuse a step that would do nothing."""
        if self.batch_norm == "none" and not self.dead_channels:
            raise contradiction(type(self), "", "neither BatchNorm nor dead channels are to be folded", "remove the step")

    def apply(self, model: Any, work: Work) -> Any:
        """A new model that computes the same."""
        if self.batch_norm != "none":
            model, done = fold_batch_norm(model, self.batch_norm == "all", self.lone == "depthwise")
            work.note_layers("BatchNorm folded", [*done.backward], "into the layer before")
            work.note_layers("BatchNorm folded", [*done.forward], "into the layer after")
            work.note_layers("BatchNorm made a depthwise convolution", done.made, "no layer beside it can take it over exactly")
            for reason in dict.fromkeys(done.left.values()):
                work.note_layers("BatchNorm left", [name for name, why in done.left.items() if why == reason], reason)
        if self.dead_channels:
            model, changed = remove_dead_channels(model)
            widths = [f"{name} {before} to {after}" for name, (before, after) in changed.items()]
            work.note_layers("dead channels removed", widths, "constant for every input, or unread")
        return model
