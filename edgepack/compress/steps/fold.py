"""The step `fold`: BatchNorm and channels that carry nothing, put into the layers beside them; the results stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from edgepack.compress.folding.dead_channels import remove_dead_channels
from edgepack.compress.folding.fold_batchnorm import fold_batch_norm
from edgepack.compress.options import StepOptions
from edgepack.compress.reading import read_options
from edgepack.compress.step import Place, Structure, Work
from edgepack.ground.errors import ProjectError
from edgepack.project.types import StepTable, Where


class FoldOptions(StepOptions):
    """Options of `fold`."""

    batch_norm: Literal["all", "lone", "none"] = Field(
        default="all", description="all BatchNorm layers, or only those that no converter folds, or none"
    )
    lone: Literal["depthwise", "leave"] = Field(
        default="depthwise", description="a BatchNorm that no layer can take over becomes a 1x1 depthwise convolution, or stays"
    )
    dead_channels: bool = Field(
        default=True, description="remove channels that are constant for every input, or that nobody reads"
    )


@dataclass(frozen=True)
class Fold:
    """Fold BatchNorm and dead channels; no training, and the same results."""

    options: FoldOptions
    where: Where

    name: ClassVar[str] = "fold"
    version: ClassVar[int] = 1
    place: ClassVar[Place] = "middle"
    leaves: ClassVar[frozenset[Structure]] = frozenset()
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros"})

    title: ClassVar[str] = "Folding"
    trains: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """For example "fold"."""
        return "fold"

    @classmethod
    def read(cls, table: StepTable) -> Fold:
        """The step of a table.

        Raises:
            ProjectError: EP-402, EP-403, or EP-405 when there is nothing to fold.
        """
        options = read_options(table, FoldOptions)
        if options.batch_norm == "none" and not options.dead_channels:
            raise ProjectError(
                "EP-405", f"{table.where}: fold: neither BatchNorm nor dead channels are to be folded", "remove the step"
            )
        return cls(options, table.where)

    def apply(self, model: Any, work: Work) -> Any:
        """A new model that computes the same."""
        options = self.options
        if options.batch_norm != "none":
            model, done = fold_batch_norm(model, options.batch_norm == "all", options.lone == "depthwise")
            work.note_layers("BatchNorm folded", [*done.backward], "into the layer before")
            work.note_layers("BatchNorm folded", [*done.forward], "into the layer after")
            work.note_layers("BatchNorm made a depthwise convolution", done.made, "no layer beside it can take it over exactly")
            for reason in dict.fromkeys(done.left.values()):
                work.note_layers("BatchNorm left", [name for name, why in done.left.items() if why == reason], reason)
        if options.dead_channels:
            model, changed = remove_dead_channels(model)
            widths = [f"{name} {before} to {after}" for name, (before, after) in changed.items()]
            work.note_layers("dead channels removed", widths, "constant for every input, or unread")
        return model
