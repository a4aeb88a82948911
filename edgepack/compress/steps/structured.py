"""The step `structured`: removing whole channels, so that the model is smaller and faster on every runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.keras.macs import model_macs
from edgepack.compress.keras.models import unfreeze
from edgepack.compress.option_errors import contradiction
from edgepack.compress.select import check_patterns, matches
from edgepack.compress.structured.channel_choice import Family, Goal, choose, macs_saved
from edgepack.compress.structured.channel_groups import ChannelMap
from edgepack.compress.structured.channel_map import map_channels
from edgepack.compress.structured.importance import importance
from edgepack.compress.structured.sparsity_learning import Penalty, learn_sparsity
from edgepack.compress.structured.surgery import remove_channels
from edgepack.compress.technique import FineTuning, Names, Share
from edgepack.compress.training.fit import fit
from edgepack.compress.training.keep import Keeper
from edgepack.compress.training.loss import Loss, choose_loss
from edgepack.compress.work import Structure, Work
from edgepack.ground.errors import RecipeError


class Structured(FineTuning):
    """Remove the channels that matter least together with everything that depends on them, and train the others on."""

    name: ClassVar[str] = "structured"
    title: ClassVar[str] = "Removing channels"
    version: ClassVar[int] = 1
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros", "clusters"})

    macs: float = Field(default=0.5, gt=0, le=1, description="share of the multiply-accumulates that remains")
    ratio: Share = Field(default=0.0, description="share of the channels to remove, instead of macs")
    scope: Literal["layer", "global"] = Field(
        default="layer", description="remove the same share everywhere, or what matters least over all layers"
    )
    importance: Literal["l1", "l2", "batchnorm", "taylor"] = Field(
        default="l2", description="what a channel is judged by: its weights' norm, its BatchNorm scale, or its effect on the loss"
    )
    align: int = Field(default=1, ge=1, description="keep a multiple of this number of channels, 4 or 8 for most kernels")
    limit: Share = Field(default=0.9, description="no layer loses more than this share of its channels")
    layers: Names = Field(default=("*",), description="names of the layers that may lose channels, with * and ?")
    exclude: Names = Field(default=(), description="names of layers to leave whole")
    per_layer: dict[str, Share] = Field(default={}, description="share to remove of some layers: a table from names to shares")
    iterations: int = Field(default=1, ge=1, description="rounds of removing and fine-tuning in which the goal is reached")
    epochs_between: int = Field(default=1, ge=0, description="epochs after each round but the last")
    epochs: int = Field(default=5, ge=0, description="passes over the training data at most, after the last round")
    sparsity_learning: Literal["none", "l1", "group_lasso"] = Field(
        default="none", description="before: train with a penalty on BatchNorm scales (l1) or on channels (group_lasso)"
    )
    sparsity_epochs: int = Field(default=3, ge=1, description="epochs with the penalty")
    sparsity_strength: float = Field(default=0.001, gt=0, description="weight of the penalty in the loss")

    @property
    def label(self) -> str:
        """For example "structured, 50 % of MACs" or "structured, -30 % channels"."""
        if self.ratio:
            return f"structured, -{self.ratio * 100:g} % channels"
        return f"structured, {self.macs * 100:g} % of MACs"

    def check(self) -> None:
        """Refuse two goals, and options of what is not asked for."""
        written = self.model_fields_set
        if self.ratio and "macs" in written:
            raise contradiction(type(self), "macs", "macs and ratio are two ways to say it", "remove one")
        for option in ("sparsity_epochs", "sparsity_strength"):
            if option in written and self.sparsity_learning == "none":
                raise contradiction(
                    type(self),
                    option,
                    f"{option} has no meaning without sparsity_learning",
                    f'remove {option}, or set sparsity_learning = "group_lasso"',
                )
        if "epochs_between" in written and self.iterations == 1:
            raise contradiction(
                type(self),
                "epochs_between",
                "epochs_between has no meaning with one iteration",
                "remove epochs_between, or raise iterations",
            )
        super().check()

    def apply(self, model: Any, work: Work) -> Any:
        """Remove channels and fine-tune.

        Raises:
            RecipeError: EP-412 when no layer can lose a channel or a name fits none; EP-417 when the goal cannot be reached.
        """
        names = [layer.name for layer in model.layers]
        for option, patterns in (("layers", self.layers), ("exclude", self.exclude), ("per_layer", self.per_layer)):
            check_patterns(patterns, names, option, self.name)
        work.note_layers("trained although frozen", unfreeze(model), "to make up for removed channels")
        loss = choose_loss(model, work.data, self.loss)
        channels = map_channels(model)
        sizes = {family: len(groups) for family, groups in self._allowed(channels).items()}
        if not sizes:
            raise RecipeError("EP-412", "structured: no layer of the model can lose a channel", _what_to_do(channels))
        _note_whole(channels, work)
        if self.sparsity_learning != "none":
            penalty = Penalty(self.sparsity_learning, self.sparsity_strength, self.sparsity_epochs)
            work.note(learn_sparsity(model, channels, work, self, loss, penalty))
        before, whole = _widths(model, channels), model_macs(model)
        for part in range(1, self.iterations + 1):
            model = self._remove(model, work, loss, sizes, part / self.iterations, whole)
            epochs = self.epochs if part == self.iterations else self.epochs_between
            if epochs:
                tuning = self.model_copy(update={"epochs": epochs})
                keeper = Keeper(kernels(model), work.kept)
                work.note(fit(model, work, tuning, loss, callbacks=[keeper.callback]).text)
                keeper.verify(self.name)
        after = _widths(model, map_channels(model))
        changed = [f"{name} {before[name]} to {after[name]}" for name in before if before[name] != after[name]]
        work.note_layers("channels removed", changed, f"{model_macs(model) / whole * 100:.1f} % of the multiply-accumulates left")
        return model

    def _remove(self, model: Any, work: Work, loss: Loss, sizes: Mapping[Family, int], done: float, whole: int) -> Any:
        """The model after a round; `done` is the share of the way that is reached with it, `whole` the first model's MACs."""
        channels = map_channels(model)
        scores, unjudged = importance(model, channels, self.importance, work.data.train, loss, work.task)
        work.note_layers("judged by l2 instead", unjudged, "no BatchNorm scales them")
        if self.importance == "taylor" and self.scope == "global" and not self.ratio:
            # What the loss pays for a multiply-accumulate saved: the greedy answer to a knapsack of channels.
            scores = scores / np.maximum(macs_saved(model, channels), 1)
        allowed = self._allowed(channels)
        fixed = {family: (1 - share) ** done for family in allowed if (share := self._own_share(family)) is not None}
        goal = Goal(
            share=(1 - self.ratio) ** done if self.ratio else None,
            macs=None if self.ratio else int(whole * self.macs**done),
            scope=self.scope,
            sizes=sizes,
            fixed=fixed,
            align=self.align,
            limit=self.limit,
        )
        return remove_channels(model, channels, choose(model, channels, scores, goal, allowed))

    def _allowed(self, channels: ChannelMap) -> dict[Family, NDArray[np.int64]]:
        """The families of groups that may lose some: every layer of theirs was asked for, and none is excluded."""
        return {
            family: groups
            for family, groups in channels.families()
            if all(matches(name, self.layers) and not matches(name, self.exclude) for name in family)
        }

    def _own_share(self, family: Family) -> float | None:
        """The share that `per_layer` says for a family; the least, if it says several."""
        found = [share for name in family for pattern, share in self.per_layer.items() if matches(name, [pattern])]
        return min(found, default=None)


def _widths(model: Any, channels: ChannelMap) -> dict[str, int]:
    """Output channels of every layer that makes some."""
    return {layer.name: len(layer.outputs) for layer in channels.layers.values() if layer.makes}


def _note_whole(channels: ChannelMap, work: Work) -> None:
    for reason in dict.fromkeys(channels.reasons.values()):
        layers = [name for name, why in channels.reasons.items() if why == reason]
        work.note_layers("left whole", layers, reason)


def _what_to_do(channels: ChannelMap) -> str:
    reasons = "; ".join(dict.fromkeys(channels.reasons.values()))
    return "check layers and exclude" + (f"; what stays whole: {reasons}" if reasons else "")
