"""One call of a Keras 3 function or layer that is to be expressed with Keras 2, and what the expressions stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras


@dataclass(frozen=True)
class Call:
    """The arguments of a call, the settings of what is called, and the name for the Keras 2 layer made of it."""

    args: list[Any]
    named: Mapping[str, Any]
    config: Mapping[str, Any]
    name: str

    @property
    def values(self) -> list[Any]:
        """All arguments that were given, the named ones last."""
        return [*self.args, *(value for value in self.named.values() if value is not None)]

    def get(self, place: int, key: str, otherwise: Any = None) -> Any:
        """An argument given by its place or by its name, or the setting of that name."""
        value = self.args[place] if place < len(self.args) else self.named.get(key, self.config.get(key))
        return otherwise if value is None else value

    @property
    def x(self) -> Any:
        """The first argument."""
        return self.values[0]


Expression = Callable[[Call], Any]


class Inexpressible(Exception):
    """A call with settings that Keras 2 cannot express; the text says which."""


def tf() -> Any:
    """TensorFlow."""
    import_tf_keras()
    import tensorflow

    return tensorflow


def layers() -> Any:
    """The layers of Keras 2."""
    return import_tf_keras().layers


def is_tensor(value: Any) -> bool:
    """Whether a value is computed by the model, rather than a constant in its configuration."""
    return hasattr(value, "shape") and not isinstance(value, np.ndarray | np.generic)


def is_float(tensor: Any) -> bool:
    """Whether a tensor holds real numbers."""
    return bool(tf().as_dtype(tensor.dtype).is_floating)


def to_type(value: Any, dtype: Any) -> Any:
    """A tensor of another type; constants stay as they are, for TensorFlow gives them the type of their partner."""
    if not is_tensor(value) or tf().as_dtype(value.dtype) == tf().as_dtype(dtype):
        return value
    return tf().cast(value, dtype)


def as_float(value: Any) -> Any:
    """Integers and truth values as float32, as Keras 3 takes them for functions of real numbers."""
    return value if not is_tensor(value) or is_float(value) else tf().cast(value, "float32")


def promoted(values: list[Any], *more: type) -> list[Any]:
    """The values in the type that Keras 3 computes their combination in."""
    types = [tf().as_dtype(value.dtype).name if hasattr(value, "dtype") else type(value) for value in values]
    common = import_keras3().backend.result_type(*types, *more)
    if common == "int64" and not any(str(kind) == "int64" for kind in types):
        common = "int32"
    return [to_type(value, common) if is_tensor(value) else _constant(value, common) for value in values]


def _constant(value: Any, dtype: str) -> Any:
    return value.astype(dtype) if hasattr(value, "astype") else float(value) if "float" in dtype else value


def squared(x: Any) -> Any:
    """x²; TFLite has no integer form of tf.square."""
    return tf().multiply(x, x)


def positive(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    return axis + rank if axis < 0 else axis


def rank(tensor: Any) -> int:
    """How many dimensions a tensor has."""
    return len(tensor.shape)


def size(tensor: Any, axis: int) -> int:
    """The length of an axis.

    Raises:
        Inexpressible: it is open.
    """
    length = tensor.shape[axis]
    if length is None:
        raise Inexpressible(f"axis {axis} has an open length")
    return int(length)
