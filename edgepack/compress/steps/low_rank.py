"""The step `low_rank`: layers as products of smaller ones (SVD; Jaderberg et al. 2014; Kim et al. 2016, arXiv:1511.06530)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from edgepack.compress.keras.macs import model_macs
from edgepack.compress.keras.models import unfreeze
from edgepack.compress.low_rank.factors import Method
from edgepack.compress.low_rank.layers import factorised
from edgepack.compress.low_rank.plan import Candidate, Plan, candidates, largest_energy, plan, saved
from edgepack.compress.option_errors import contradiction
from edgepack.compress.select import check_patterns, matches
from edgepack.compress.technique import FineTuning, Names
from edgepack.compress.training.fit import fit
from edgepack.compress.training.loss import Loss, choose_loss
from edgepack.compress.training.stream import stream
from edgepack.compress.work import Structure, Work
from edgepack.ground.errors import RecipeError

_METHODS: tuple[Method, ...] = ("svd", "spatial", "tucker")
# Models tried on the validation split for max_drop: the energy is found within 1 / 128.
_TRIALS = 7


class LowRank(FineTuning):
    """Replace layers by products of smaller ones where that saves weights and multiply-accumulates, and train on."""

    name: ClassVar[str] = "low_rank"
    title: ClassVar[str] = "Factorising"
    version: ClassVar[int] = 1
    keeps: ClassVar[frozenset[Structure]] = frozenset()

    energy: float = Field(default=0.9, gt=0, le=1, description="share of each kernel's squared singular values that is kept")
    ratio: float = Field(default=0.0, ge=0, lt=1, description="share of the model that remains, instead of energy")
    measure: Literal["parameters", "macs"] = Field(default="parameters", description="what ratio is a share of")
    max_drop: float = Field(
        default=0.0, ge=0, description="largest loss on the validation split before fine-tuning, instead of energy"
    )
    method: Literal["auto", "svd", "spatial", "tucker"] = Field(
        default="auto", description="how convolutions are decomposed; auto takes the cheapest for each layer"
    )
    align: int = Field(default=4, ge=1, description="make ranks multiples of this number")
    layers: Names = Field(default=("*",), description="names of the layers to factorise, with * and ?")
    exclude: Names = Field(default=(), description="names of layers to leave alone")
    epochs: int = Field(default=5, ge=0, description="passes over the training data at most; 0: no training")

    @property
    def label(self) -> str:
        """For example "low_rank energy 90 %"."""
        if self.ratio:
            return f"low_rank to {self.ratio * 100:g} % of {self.measure}"
        return f"low_rank drop {self.max_drop:g}" if self.max_drop else f"low_rank energy {self.energy * 100:g} %"

    def check(self) -> None:
        """Refuse more than one way to say how much to keep."""
        goals = [option for option in ("energy", "ratio", "max_drop") if option in self.model_fields_set]
        if len(goals) > 1:
            raise contradiction(
                type(self), goals[1], f"{goals[0]} and {goals[1]} are two ways to say how much to keep", "remove one"
            )
        if "measure" in self.model_fields_set and not self.ratio:
            raise contradiction(type(self), "measure", "measure has no meaning without ratio", "set ratio, or remove measure")
        super().check()

    def apply(self, model: Any, work: Work) -> Any:
        """A copy of `model` with factors in place of layers, fine-tuned.

        Raises:
            RecipeError: EP-412 when a name fits no layer or no layer can be factorised; EP-419 when the goal is out of reach.
        """
        names = [layer.name for layer in model.layers]
        for option, patterns in (("layers", self.layers), ("exclude", self.exclude)):
            check_patterns(patterns, names, option, self.name)
        methods = _METHODS if self.method == "auto" else (self.method, "svd")
        found = {
            layer.name: _usable(candidates(layer, methods), self.method)
            for layer in model.layers
            if matches(layer.name, self.layers) and not matches(layer.name, self.exclude)
        }
        ways = {name: offers for name, offers in found.items() if offers}
        if not ways:
            raise RecipeError(
                "EP-412",
                "low_rank: no layer of the model can be factorised",
                "dense layers and ordinary convolutions can; check layers and exclude",
            )
        loss = choose_loss(model, work.data, self.loss)
        work.note_layers("trained although frozen", unfreeze(model), "to make up for factorising")
        chosen = self._plan(model, ways, work, loss)
        small = factorised(model, chosen)
        texts = [f"{name} {choice.method} {'+'.join(map(str, choice.ranks))}" for name, choice in chosen.items()]
        shares = [small.count_params() / model.count_params(), model_macs(small) / max(1, model_macs(model))]
        left = f"{shares[0] * 100:.1f} % of the parameters and {shares[1] * 100:.1f} % of the multiply-accumulates left"
        work.note_layers("factorised, with rank", texts, left)
        work.note_layers("left whole", [name for name in ways if name not in chosen], "factors would not be smaller")
        if self.epochs:
            work.note(fit(small, work, self, loss).text)
        return small

    def _plan(self, model: Any, ways: Mapping[str, Sequence[Candidate]], work: Work, loss: Loss) -> Plan:
        energy = self.energy
        if self.ratio:
            whole = model.count_params() if self.measure == "parameters" else model_macs(model)
            limit = whole * (1 - self.ratio)
            reached = largest_energy(lambda share: saved(ways, plan(ways, share, self.align), self.measure) >= limit)
            if reached is None:
                least = 1 - saved(ways, plan(ways, 0.0, self.align), self.measure) / whole
                raise RecipeError(
                    "EP-419",
                    f"low_rank: {self.ratio * 100:g} % of the {self.measure} cannot be reached; {least * 100:.1f} % can",
                    "raise ratio, lower align, or exclude fewer layers",
                )
            energy = reached
        elif self.max_drop:
            energy = self._search(model, ways, work, loss)
        chosen = plan(ways, energy, self.align)
        if not chosen:
            raise RecipeError(
                "EP-419",
                f"low_rank: at {energy * 100:.4g} % of the energy no layer becomes smaller",
                "lower energy, ratio or align, or raise max_drop; a model without redundant weights is better pruned",
            )
        return chosen

    def _search(self, model: Any, ways: Mapping[str, Sequence[Candidate]], work: Work, loss: Loss) -> float:
        """The smallest energy that the accuracy budget allows; 1 when none does."""
        split = work.data.validation if len(work.data.validation) else work.data.train

        def score(candidate: Any) -> float:
            """Accuracy lost, or the loss as a share of the model's own."""
            outputs = len(candidate.outputs)
            candidate.compile(
                loss=[loss.build(), *[None] * (outputs - 1)] if outputs > 1 else loss.build(),
                metrics=[["accuracy"], *[[] for _ in range(outputs - 1)]] if loss.classifies else None,
            )
            results = candidate.evaluate(stream(split, loss, outputs, self.batch_size), verbose=0, return_dict=True)
            accuracy = next((float(value) for key, value in results.items() if key.endswith("accuracy")), None)
            return -float(results["loss"]) if accuracy is None else accuracy

        whole = score(model)
        low, high = 0.0, 1.0
        for trial in range(_TRIALS):
            energy = (low + high) / 2
            reached = score(factorised(model, plan(ways, energy, self.align)))
            drop = whole - reached if loss.classifies else (whole - reached) / max(abs(whole), 1e-12)
            work.task.update(trial + 1, _TRIALS, f"energy {energy * 100:.1f} % loses {drop:.4g} on the validation split")
            low, high = (low, energy) if drop <= self.max_drop else (energy, high)
        work.note(f"energy {high * 100:.1f} %: the least that loses at most {self.max_drop:g} on the validation split")
        return high


def _usable(offers: list[Candidate], method: str) -> list[Candidate]:
    """With a method of the user's: that one where it applies, else SVD (dense layers and 1 x 1 convolutions)."""
    own = [offer for offer in offers if offer.method == method]
    return own or offers
