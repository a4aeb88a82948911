"""Keras to Keras: the steps of a recipe, one file a technique."""

from __future__ import annotations

from edgepack.compress.recipe import check_recipe
from edgepack.compress.registry import STEPS
from edgepack.compress.results import Compressed, LayerWeights, StepResult
from edgepack.compress.run import compress
from edgepack.compress.step import Quantization, Step, Work

__all__ = ["STEPS", "Compressed", "LayerWeights", "Quantization", "Step", "StepResult", "Work", "check_recipe", "compress"]
