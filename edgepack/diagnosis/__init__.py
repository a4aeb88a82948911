"""Which layer loses accuracy, and what to do about it."""

from __future__ import annotations

from edgepack.diagnosis.advice import advise
from edgepack.diagnosis.explanation import Explained, Explanation
from edgepack.diagnosis.layer_errors import LayerError, LayerErrors, compare_layers
from edgepack.diagnosis.still_layers import StillLayers, find_still_layers

__all__ = [
    "Explained",
    "Explanation",
    "LayerError",
    "LayerErrors",
    "StillLayers",
    "advise",
    "compare_layers",
    "find_still_layers",
]
