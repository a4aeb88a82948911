"""The techniques a recipe can name. A new one is a file beside this one and a line here."""

from __future__ import annotations

from edgepack.compress.cluster import Cluster
from edgepack.compress.prune import Prune
from edgepack.compress.quantize import Quantize
from edgepack.compress.step import Step
from edgepack.compress.structured import Structured
from edgepack.compress.train import Train

STEPS: dict[str, type[Step]] = {step.name: step for step in (Train, Structured, Prune, Cluster, Quantize)}
