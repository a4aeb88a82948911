"""Everything `edgepack explain` tells, and the part of it that a deployment's report holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgepack.compress import StepResult
from edgepack.compress.sensitivity import Sensitivity
from edgepack.diagnosis.layer_errors import LayerErrors
from edgepack.ground.plain import NOT_IN_JSON


@dataclass(frozen=True)
class Explanation:
    """Where a model loses accuracy.

    `steps` is the step table (empty for two ready files), `errors` the layers' differences between float and quantized,
    `sensitivity` what each layer alone takes, `confusion` the .tflite's confusion matrix by `classes`, `advice` what to try next,
    most promising first. `labels` has, where an example may have several of the classes, true negatives, false positives, false
    negatives and true positives of each. `file` is where this is written, no part of it.
    """

    name: str
    steps: tuple[StepResult, ...]
    errors: LayerErrors
    sensitivity: Sensitivity | None
    confusion: tuple[tuple[int, ...], ...] | None
    classes: tuple[str, ...]
    advice: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...] | None = None
    file: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)


@dataclass(frozen=True)
class Explained:
    """What a report says of accuracy; the fields are those of an `Explanation`."""

    errors: LayerErrors
    confusion: tuple[tuple[int, ...], ...] | None
    classes: tuple[str, ...]
    advice: tuple[str, ...]
    labels: tuple[tuple[int, ...], ...] | None = None
