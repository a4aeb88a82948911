"""The techniques a recipe can name. A new one is a file beside this one and a line here."""

from __future__ import annotations

from edgepack.compress.step import Step
from edgepack.compress.steps.bias_correction import BiasCorrection
from edgepack.compress.steps.cluster import Cluster
from edgepack.compress.steps.distill import Distill
from edgepack.compress.steps.equalize import Equalize
from edgepack.compress.steps.fold import Fold
from edgepack.compress.steps.low_rank import LowRank
from edgepack.compress.steps.prune import Prune
from edgepack.compress.steps.quantize import Quantize
from edgepack.compress.steps.structured import Structured
from edgepack.compress.steps.train import Train

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
