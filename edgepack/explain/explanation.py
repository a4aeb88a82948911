"""Everything `edgepack explain` tells, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.compress import StepResult
from edgepack.compress.sensitivity import Sensitivity
from edgepack.explain.layer_errors import LayerErrors


@dataclass(frozen=True)
class Explanation:
    """Where a model loses accuracy.

    `steps` is the step table (empty for two ready files), `errors` the layers' differences between float and quantized,
    `sensitivity` what each layer alone takes, `confusion` the .tflite's confusion matrix by `classes`, `advice` what to try next,
    most promising first.
    """

    name: str
    steps: tuple[StepResult, ...]
    errors: LayerErrors
    sensitivity: Sensitivity | None
    confusion: tuple[tuple[int, ...], ...] | None
    classes: tuple[str, ...]
    advice: tuple[str, ...]
