"""The techniques a recipe can name. A new one is a file beside this one and a line here."""

from __future__ import annotations

from edgepack.compress.bias_correction import BiasCorrection
from edgepack.compress.cluster import Cluster
from edgepack.compress.distill import Distill
from edgepack.compress.equalize import Equalize
from edgepack.compress.fold import Fold
from edgepack.compress.low_rank import LowRank
from edgepack.compress.prune import Prune
from edgepack.compress.quantize import Quantize
from edgepack.compress.step import Step
from edgepack.compress.structured import Structured
from edgepack.compress.train import Train

# In the order in which a recipe usually has them.
_ALL: tuple[type[Step], ...] = (
    Train,
    Distill,
    Fold,
    Structured,
    LowRank,
    Prune,
    Cluster,
    Equalize,
    BiasCorrection,
    Quantize,
)
STEPS: dict[str, type[Step]] = {step.name: step for step in _ALL}
