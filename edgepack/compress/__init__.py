"""Keras to Keras: the steps of a recipe, one file a technique.

    recipe = check_recipe([Prune(sparsity=0.7), Quantize()])        # or the [[recipe]] tables of a project
    compressed = compress(source, data, recipe, metric, cache, progress)

A technique is one file in `steps/`; what it works with is in a folder of its own. A module imports from those before it in
this order, never from those behind it:

    results, select, option_errors      what comes out; choosing layers by name; messages
    weights/                            arithmetic on arrays of weights
    keras/                              models, layers and kernels of Keras
    low_rank/                           kernels as products of smaller ones
    quantization/                       int8 codes, weights of few bits, TF-MOT's wrappers, calibration
    stored, named                       models in the cache, and models that a recipe names
    work, step, technique               what a step is given, what is asked of it, and what the techniques have in common
    training/                           fine-tuning, losses, teachers, and what training must keep
    structured/                         which channels belong together, how much they matter, removing them
    folding/                            BatchNorm and channels that carry nothing
    steps/                              the techniques
    registry, recipe                    the table of techniques, and checking a recipe
    figures, sensitivity, run           measuring a model, and walking through a recipe
    fisher, slimmer                     what a search asks of a float model before anything is trained

Importing any of it imports no TensorFlow: that happens inside functions.
"""

from __future__ import annotations

from edgepack.compress.recipe import Recipe, check_recipe
from edgepack.compress.registry import STEPS
from edgepack.compress.results import Compressed, LayerWeights, Quantization, StepResult
from edgepack.compress.run import compress
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
from edgepack.compress.work import Work

__all__ = [
    "STEPS",
    "BiasCorrection",
    "Cluster",
    "Compressed",
    "Distill",
    "Equalize",
    "Fold",
    "LayerWeights",
    "LowRank",
    "Prune",
    "Quantization",
    "Quantize",
    "Recipe",
    "Step",
    "StepResult",
    "Structured",
    "Train",
    "Work",
    "check_recipe",
    "compress",
]
