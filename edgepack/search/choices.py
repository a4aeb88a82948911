"""What each layer may be given: never a combination that a recipe could not say, or a step would refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product

from edgepack.compress.fisher import ChannelFamily, OpenLayer

SPARSITIES = (0.5, 0.7, 0.8, 0.9)
CLUSTERS = (8, 16, 32)
WEIGHTS = ("int4", "ternary")
REMOVED = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Space:
    """What a search may choose from; doing nothing is always among it. `layers` and `exclude` are patterns with * and ?."""

    sparsities: tuple[float, ...] = SPARSITIES
    clusters: tuple[int, ...] = CLUSTERS
    weights: tuple[str, ...] = WEIGHTS
    removed: tuple[float, ...] = REMOVED
    layers: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()

    def takes(self, layer: str) -> bool:
        """Whether a layer may be changed."""
        return _matches(layer, self.layers) and not _matches(layer, self.exclude)


@dataclass(frozen=True, order=True)
class Level:
    """What a recipe can say only once: how many weights layers share (0: they do not), and the format of few bits.

    Training for few bits does not keep weights shared, so that at most one of the two is set.
    """

    clusters: int = 0
    weights: str = "int8"

    @property
    def plain(self) -> bool:
        """Whether neither is set."""
        return self == Level()


@dataclass(frozen=True, order=True)
class Stored:
    """How a layer's weights are: their share of zeros, and whether they take the level's sharing or few bits (`special`)."""

    sparsity: float = 0.0
    special: bool = False


@dataclass(frozen=True)
class Choices:
    """The layers with kernels and the families of channels that may be changed, and what may be done to each.

    `families` has None in the place of a family that must stay whole.
    """

    space: Space
    layers: tuple[OpenLayer, ...]
    families: tuple[ChannelFamily | None, ...]

    def levels(self) -> tuple[Level, ...]:
        """What a recipe may say for all layers."""
        clusters = [Level(clusters=count) for count in sorted(set(self.space.clusters) - {0})]
        weights = [Level(weights=name) for name in self.space.weights if name != "int8"]
        few = any(layer.few_bits and self.space.takes(layer.layer) for layer in self.layers)
        return (Level(), *clusters, *(weights if few else ()))

    def stored(self, layer: OpenLayer, level: Level) -> tuple[Stored, ...]:
        """What a layer's weights may be at a level. Binary weights have no zero."""
        if not self.space.takes(layer.layer):
            return (Stored(),)
        sparsities = sorted({0.0, *self.space.sparsities}) if layer.prunable else [0.0]
        special = (False, True) if level.clusters or (level.weights != "int8" and layer.few_bits) else (False,)
        both = (Stored(sparsity, each) for sparsity, each in product(sparsities, special))
        return tuple(each for each in both if not (each.sparsity and each.special and level.weights == "binary"))

    def removed(self, family: int) -> tuple[float, ...]:
        """The shares of channels that a family may lose."""
        found = self.families[family] if family >= 0 else None
        return (0.0,) if found is None else tuple(sorted({0.0, *self.space.removed}))


def choices_of(layers: Sequence[OpenLayer], families: Sequence[ChannelFamily], space: Space) -> Choices:
    """What `space` leaves open of a model. A family may lose channels if each of its layers may be changed and is in it alone."""
    often = [name for family in families for name in family.layers]
    allowed = [
        family if all(space.takes(name) and often.count(name) == 1 for name in family.layers) else None for family in families
    ]
    return Choices(space, tuple(layers), tuple(allowed))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
