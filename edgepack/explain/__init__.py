"""Which layer loses accuracy, and what to do about it."""

from __future__ import annotations

from edgepack.explain.advice import advise
from edgepack.explain.explanation import Explained, Explanation
from edgepack.explain.layer_errors import LayerError, LayerErrors, compare_layers

__all__ = ["Explained", "Explanation", "LayerError", "LayerErrors", "advise", "compare_layers"]
