"""What the .tflite itself achieves on the test split, run on this machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.files import canonical_json, sha256_file
from edgepack.ground.progress import Progress
from edgepack.metrics import confusion_matrix, label_confusion
from edgepack.runners import dequantize, describe_model, quantize, run_model
from edgepack.sources import Dataset, Examples, blocks

if TYPE_CHECKING:
    from edgepack.ground.cache import Cache
    from edgepack.metrics import Metric

_VERSION = 3


@dataclass(frozen=True)
class Evaluation:
    """A .tflite on a test split: its metric, the 95 % interval for the number of examples, and where classes were mistaken.

    `confusion` counts examples by true class (row) and predicted class (column); None where the labels are no classes. `labels`
    has, of labels of which an example may have several, each one's true negatives, false positives, false negatives and true
    positives; None where an example has one class.
    """

    metric: float
    interval: tuple[float, float] | None
    confusion: tuple[tuple[int, ...], ...] | None
    labels: tuple[tuple[int, ...], ...] | None = None


def evaluate(model: Path, data: Dataset, metric: Metric, cache: Cache, progress: Progress) -> Evaluation:
    """Run a .tflite over the whole test split by LiteRT in worker processes on this machine; cached.

    `metric` knows how the model's outputs are to be read (`Metric.of`).

    Raises:
        ModelError, DataError, ToolError: what run_model and the metric say.
    """
    inputs = {
        "version": _VERSION,
        "model": sha256_file(model),
        "data": data.sha256,
        **metric.key(),
    }

    def compute(folder: Path) -> None:
        with progress.stage("Checking the .tflite", f"{len(data.test)} test examples on this machine") as task:
            described = describe_model(model)
            given = tuple(_quantized(array, tensor) for array, tensor in zip(data.test.inputs, described["inputs"], strict=True))
            outputs = run_model(model, given)
            values = tuple(
                dequantize(array, *_parameters(tensor)) for array, tensor in zip(outputs, described["outputs"], strict=True)
            )
            compared = (values, data.test.labels, data.test.inputs)
            value, read = metric.compute(*compared), metric.read(values, data.test.labels)
            confusion = confusion_matrix(values, data.test.labels, read)
            labels = label_confusion(values, data.test.labels, read)
            result = {
                "metric": value,
                "interval": metric.interval(*compared),
                "confusion": None if confusion is None else confusion.tolist(),
                "labels": None if labels is None else labels.tolist(),
            }
            task.finish(f"{metric.name} {value:.4f}")
            (folder / "evaluation.json").write_bytes(canonical_json(result))

    stored = json.loads((cache.stage("evaluate", inputs, compute).folder / "evaluation.json").read_text())
    interval = stored["interval"]
    return Evaluation(
        metric=float(stored["metric"]),
        interval=None if interval is None else (float(interval[0]), float(interval[1])),
        confusion=_table(stored["confusion"]),
        labels=_table(stored["labels"]),
    )


def _quantized(array: Examples, tensor: dict[str, Any]) -> NDArray[Any]:
    """Every example in the model's type; real values exist for a few at a time only."""
    result = np.empty(array.shape, tensor["dtype"])
    for part in blocks(array):
        result[part] = quantize(np.asarray(array[part]), *_parameters(tensor), tensor["dtype"])
    return result


def _table(rows: list[list[int]] | None) -> tuple[tuple[int, ...], ...] | None:
    return None if rows is None else tuple(tuple(row) for row in rows)


def _parameters(tensor: dict[str, Any]) -> tuple[float, int]:
    """Scale and zero point of an input or output tensor; a scale of 0 for one that is not quantized."""
    if not tensor["scales"]:
        return 0.0, 0
    return float(tensor["scales"][0]), int(tensor["zero_points"][0])
