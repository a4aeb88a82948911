"""Small models and data that the tests of compression and conversion share."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from edgepack.compress import Step, check_recipe
from edgepack.ground.files import sha256_bytes
from edgepack.project.types import StepTable, Where
from edgepack.sources import Dataset, SourceModel, Split, TensorSpec, import_tf_keras


@lru_cache
def digits() -> Dataset:
    """Scikit-learn's 1,797 handwritten digits, 8 x 8, in 0..1: 900 to train, 200 to validate, 697 to test."""
    raw = load_digits()
    order = np.random.default_rng(0).permutation(len(raw.target))
    x, y = (raw.images / 16).astype(np.float32)[order, ..., None], raw.target.astype(np.int64)[order]
    return dataset(("digits",), (x,), y, 900, 200)


def dataset(name: tuple[str, ...], inputs: tuple[Any, ...], labels: Any, train: int, validation: int) -> Dataset:
    """Arrays in the order train, validation, test."""

    def split(start: int, stop: int | None) -> Split:
        return Split(tuple(array[start:stop] for array in inputs), None if labels is None else labels[start:stop])

    representative = Split(tuple(array[: min(train, 150)] for array in inputs), None)
    rest = train + validation
    return Dataset(split(0, train), split(train, rest), split(rest, None), representative, "-".join(name), (), {})


def noise(shapes: tuple[tuple[int, ...], ...], classes: int | None, count: int = 64, seed: int = 0) -> Dataset:
    """Random inputs and class numbers, for tests in which nothing needs to be learnt."""
    rng = np.random.default_rng(seed)
    inputs = tuple(rng.normal(size=(count, *shape)).astype(np.float32) for shape in shapes)
    labels = None if classes is None else rng.integers(0, classes, count)
    return dataset(("noise", str(shapes), str(seed)), inputs, labels, count // 2, count // 4)


def digits_net(seed: int = 1) -> Any:
    """Convolution, depthwise and pointwise convolution with BatchNorm, and a dense layer: 2,034 parameters."""
    keras = fresh(seed)
    layers = keras.layers
    inputs = x = layers.Input((8, 8, 1), name="image")
    for name, layer in (
        ("stem", layers.Conv2D(12, 3, use_bias=False, name="stem")),
        ("depthwise", layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="depthwise")),
        ("pointwise", layers.Conv2D(16, 1, use_bias=False, name="pointwise")),
    ):
        x = layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(layer(x)))
    x = layers.Flatten(name="flatten")(layers.MaxPooling2D(name="pool")(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax", name="head")(x), name="digits")


def fresh(seed: int) -> Any:
    """tf_keras with no names used and random numbers fixed."""
    keras = import_tf_keras()
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return keras


def source_of(model: Any, folder: Path, trained: bool = True) -> SourceModel:
    """`model` as loading would give it."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras 2 would rather have its .keras format
        model.save(folder / "model.h5", include_optimizer=False)
    digest = sha256_bytes(model.to_json().encode() + b"".join(weight.tobytes() for weight in model.get_weights()))

    def specs(tensors: Any, names: Any) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(name, tuple(t.shape[1:]), t.dtype.name) for t, name in zip(tensors, names, strict=True))

    inputs, outputs = specs(model.inputs, model.input_names), specs(model.outputs, model.output_names)
    return SourceModel("keras", folder / "model.h5", digest, None, (), folder, trained, inputs, outputs)


def recipe(*tables: dict[str, Any]) -> tuple[Step, ...]:
    """A checked recipe of `[[recipe]]` tables."""
    return check_recipe(step_tables(*tables))


def step_tables(*tables: dict[str, Any]) -> list[StepTable]:
    """Tables as if they stood ten lines apart in edgepack.toml."""
    found = []
    for place, table in enumerate(tables):
        options = {key: value for key, value in table.items() if key != "step"}
        line = 10 * (place + 1)
        places = {key: Where(Path("edgepack.toml"), line + offset) for offset, key in enumerate(options, start=2)}
        found.append(StepTable(table["step"], options, Where(Path("edgepack.toml"), line), places))
    return found
