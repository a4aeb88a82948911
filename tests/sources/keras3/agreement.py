"""How far a Keras 3 model is from the one rebuilt with Keras 2, stored and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edgepack.sources.keras.compare import outputs_of
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.keras3.rebuild import rebuild


def stored(model: Any, folder: Path) -> Any:
    """The Keras 2 model, as it comes from its file."""
    rebuild(model, "model.keras", {}).save(folder / "model.h5")
    return import_tf_keras().models.load_model(folder / "model.h5", compile=False)


def differences(model: Any, folder: Path, inputs: list[np.ndarray]) -> list[float]:
    """The largest difference of each output, of those that are numbers."""
    randomise(model)
    wanted, found = outputs_of(model, inputs), outputs_of(stored(model, folder), inputs)
    assert [value.shape for value in wanted] == [value.shape for value in found]
    return [float(np.max(np.abs(one - two))) for one, two in zip(wanted, found, strict=True)]


def randomise(model: Any) -> None:
    """Give every weight other values than the zeros and ones that some start with."""
    random = np.random.default_rng(3)
    for weight in model.weights:
        if "float" in str(weight.dtype):
            weight.assign(random.uniform(0.1, 0.5, weight.shape))
