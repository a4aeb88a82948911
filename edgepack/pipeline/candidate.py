"""One recipe tried on one model: compressed, converted, evaluated, with one result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compress import Compressed, Step, compress
from edgepack.convert import Converted, convert
from edgepack.pipeline.evaluation import Evaluation, evaluate

if TYPE_CHECKING:
    from edgepack.ground.cache import Cache
    from edgepack.ground.progress import Progress
    from edgepack.metrics import Metric
    from edgepack.sources import Dataset, SourceModel


@dataclass(frozen=True)
class Candidate:
    """What a recipe gives: the Keras model, the .tflite made of it, and the metric of both on the whole test split.

    Whoever tries several gives each the same data; data whose test split is a part of the training examples (a fold) keeps the
    project's own test split out of the choice.
    """

    recipe: tuple[Step, ...]
    compressed: Compressed
    converted: Converted
    evaluation: Evaluation

    @property
    def model(self) -> Path:
        """The .tflite."""
        return self.converted.file

    @property
    def size(self) -> int:
        """The .tflite's size in bytes."""
        return self.converted.file.stat().st_size

    @property
    def baseline(self) -> float:
        """The metric of the float Keras model that compression began with."""
        return self.compressed.baseline_metric

    @property
    def metric(self) -> float:
        """The metric of the .tflite, run by LiteRT on this machine."""
        return self.evaluation.metric

    @property
    def sparsity(self) -> float:
        """The share of the .tflite's kernel weights that are zero."""
        return self.converted.sparsity


def try_recipe(
    source: SourceModel, data: Dataset, recipe: Sequence[Step], metric: Metric, cache: Cache, progress: Progress
) -> Candidate:
    """Compress a model by a checked recipe, convert and evaluate it; every stage comes from the cache if it can.

    Raises:
        ModelError, DataError, RecipeError, ConvertError, ToolError: what the rooms say.
    """
    steps = tuple(recipe)
    compressed = compress(source, data, steps, metric, cache, progress)
    data.release()  # training has read all of it; converter and runtime need the room
    converted = convert(compressed, data, cache, progress)
    return Candidate(steps, compressed, converted, evaluate(converted.file, data, metric.of(compressed.reading), cache, progress))
