"""Small models converted without a project around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.convert.tflite import run_converter
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, Split


def int8_file(model: Any, *inputs: NDArray[Any]) -> bytes:
    """The int8 .tflite of a Keras model, calibrated with `inputs`."""
    split = Split(tuple(array.astype(np.float32) for array in inputs), None)
    with SilentProgress().stage("") as task:
        return run_converter(model, "int8", Dataset(split, split, split, split, "", (), {}), task)
