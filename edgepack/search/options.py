"""From compiles with all layers alike to the costs of each layer's options, for the integer program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress.fisher import OpenLayer
from edgepack.flatbuffer import inspect_model, read_model
from edgepack.search.change import layer_of
from edgepack.search.choices import Choices, Level, Stored
from edgepack.search.figures import Figures
from edgepack.search.program import LayerOptions, Option, Problem
from edgepack.search.weigh import Costs, LayerCost, Workshop, is_compiled, scaled

if TYPE_CHECKING:
    from edgepack.ground.progress import Task
    from edgepack.search.losses import Losses

_TYPICAL = 0.7  # the sparsity nearest to this tells what decoders a level needs


@dataclass(frozen=True)
class Pricing:
    """The plain model's figures, and compiles: by level and weights, and by share of channels removed. `rest` is what of flash
    is no layer's weights, by level; `macs` and `peaks` are multiply-accumulates and RAM of layers."""

    choices: Choices
    plain: Figures
    stored: Mapping[tuple[Level, float, bool], Costs]
    removed: Mapping[float, Costs]
    rest: Mapping[Level, float]
    macs: Mapping[str, int]
    peaks: Mapping[str, tuple[float, float]]

    def layer(self, name: str, level: Level, stored: Stored) -> LayerCost:
        """A layer's cost when all are treated like it."""
        return self.stored[level, stored.sparsity, stored.special].layers[name]

    def problem(self, level: Level, losses: Losses) -> Problem:
        """The integer program of a level."""
        families = {
            number: {share: losses.of_family(number, share) for share in self.choices.removed(number)}
            for number, family in enumerate(self.choices.families)
            if family is not None
        }
        layers = tuple(self._options(layer, level, losses) for layer in self.choices.layers)
        return Problem(layers, families, self._fixed(level))

    def _options(self, layer: OpenLayer, level: Level, losses: Losses) -> LayerOptions:
        own, read = self.choices.removed(layer.family), self.choices.removed(layer.reads)
        depthwise = layer.family == layer.reads >= 0
        found = []
        for stored in self.choices.stored(layer, level):
            cost, loss = self.layer(layer.layer, level, stored), losses.of(layer.layer, level, stored)
            for mine, others in product(own, read):
                if depthwise and mine != others:
                    continue
                share = (1 - mine) if depthwise else (1 - mine) * (1 - others * layer.reads_share)
                found.append(
                    Option(stored, mine, others, loss * share, self._costs(layer, cost, share), self._peaks(layer, mine, others))
                )
        family = layer.family if self.choices.removed(layer.family) != (0.0,) else -1
        reads = layer.reads if self.choices.removed(layer.reads) != (0.0,) else -1
        return LayerOptions(layer.layer, family, reads, tuple(found))

    def _costs(self, layer: OpenLayer, cost: LayerCost, share: float) -> dict[str, float]:
        plain = self.removed[0.0].layers[layer.layer]
        known = {
            self._share_alike(layer, removed): costs.layers[layer.layer].instructions for removed, costs in self.removed.items()
        }
        slimmer = scaled({0.0: 0.05 * plain.instructions, **known}, share) / max(plain.instructions, 1.0)
        costs = {"model_size": plain.weights * share, "macs": self.macs.get(layer.layer, 0) * share}
        if self.plain.flash is not None:
            costs["flash"] = (cost.weights - cost.saved) * share
        if self.plain.instructions is not None:
            costs["instructions"] = cost.instructions * slimmer * self._true
            if self.plain.latency is not None:
                costs["latency"] = costs["instructions"] * self.plain.latency / self.plain.instructions
        return costs

    @property
    def _true(self) -> float:
        """Executed instructions for each expected one."""
        expected = sum(each.instructions for each in self.removed[0.0].layers.values())
        return (self.plain.instructions or 0) / max(expected, 1.0)

    def _share_alike(self, layer: OpenLayer, removed: float) -> float:
        """What is left of a kernel when every family loses this share."""
        own = removed if removed in self.choices.removed(layer.family) else 0.0
        read = removed if removed in self.choices.removed(layer.reads) else 0.0
        if layer.family == layer.reads >= 0:
            return 1 - own
        return (1 - own) * (1 - read * layer.reads_share)

    def _peaks(self, layer: OpenLayer, own: float, read: float) -> dict[str, float]:
        if self.plain.ram is None or layer.layer not in self.peaks:
            return {}
        reads, makes = self.peaks[layer.layer]
        return {"ram": reads * (1 - read * layer.reads_share) + makes * (1 - own)}

    def _fixed(self, level: Level) -> dict[str, float]:
        plain = self.removed[0.0].layers
        layers = [plain[layer.layer] for layer in self.choices.layers]
        fixed = {
            "model_size": self.plain.model_size - float(sum(each.weights for each in layers)),
            "macs": float(self.plain.macs - sum(self.macs.values())),
        }
        if self.plain.flash is not None:
            fixed["flash"] = self.rest[level]
        if self.plain.instructions is not None:
            others = plain[""].instructions * self._true if "" in plain else 0.0
            fixed["instructions"] = others
            if self.plain.latency is not None:
                fixed["latency"] = others * self.plain.latency / self.plain.instructions
        return fixed


def price(shop: Workshop, plain: Figures, task: Task) -> Pricing:
    """Compile each choice with all layers alike; link and run one for each level, which tells what decoders take."""
    choices, compiled = shop.choices, is_compiled(shop.target)
    base = shop.alike(Stored(), Level())
    asked = {
        (level, stored.sparsity, stored.special)
        for layer in choices.layers
        for level in choices.levels()
        for stored in choices.stored(layer, level)
    }
    whole = shop.costs(base)
    stored: dict[tuple[Level, float, bool], Costs] = {}
    for number, (level, sparsity, special) in enumerate(sorted(asked)):
        task.update(number, len(asked), "weights")
        # Without sharing or few bits a level changes nothing, and what is not compiled has only sizes, which stay.
        plainer = compiled and (special or level.plain)
        stored[level, sparsity, special] = shop.costs(shop.alike(Stored(sparsity, special), level)) if plainer else whole
    for level, sparsity, special in asked:
        if compiled and not special:
            stored[level, sparsity, special] = stored[Level(), sparsity, False]
    shares = sorted({share for number in range(len(choices.families)) for share in choices.removed(number)} | {0.0})
    removed = {share: shop.costs(shop.alike(Stored(), Level(), share)) if share else whole for share in shares}
    rest = {level: _rest(shop, plain, stored, level) for level in choices.levels()} if compiled else {}
    macs, peaks = _sizes(shop, base, plain)
    return Pricing(choices, plain, stored, removed, rest, macs, peaks)


def _rest(shop: Workshop, plain: Figures, stored: Mapping[tuple[Level, float, bool], Costs], level: Level) -> float:
    """Bytes of flash that are no layer's weights, when layers are treated alike at a level."""
    special = not level.plain
    sparsities = [sparsity for one, sparsity, each in stored if (one, each) == (level, special)]
    sparsity = min(sparsities, key=lambda each: abs(each - _TYPICAL), default=0.0)
    costs = stored[level, sparsity, special]
    weights = sum(cost.weights - cost.saved for cost in costs.layers.values())
    linked = shop.figures(shop.alike(Stored(sparsity, special), level))
    return float((linked.flash or plain.flash or 0) - weights)


def _sizes(shop: Workshop, base: Path, plain: Figures) -> tuple[dict[str, int], dict[str, tuple[float, float]]]:
    """Multiply-accumulates of each layer, and the bytes of RAM for what it reads and makes, so that the largest sum is the
    plain model's RAM."""
    names = {layer.layer: 0 for layer in shop.choices.layers}
    macs: dict[str, int] = {}
    live: dict[str, tuple[float, float]] = {}
    for fact in inspect_model(read_model(base)).layers:
        name = layer_of(fact.layer, names)
        if name in names:
            macs[name] = macs.get(name, 0) + fact.macs
            reads, makes = float(sum(each.bytes for each in fact.inputs)), float(sum(each.bytes for each in fact.outputs))
            if sum(live.get(name, (0.0, 0.0))) < reads + makes:
                live[name] = reads, makes
    largest = max((sum(each) for each in live.values()), default=1.0)
    unit = (plain.ram or 0) / max(largest, 1.0)
    return macs, {name: (reads * unit, makes * unit) for name, (reads, makes) in live.items()}
