"""Reading the stored configuration of a Keras 3 model: what a layer is, and which tensors its calls take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgepack.sources.keras.config import is_operation_module
from edgepack.sources.keras.precision import float32_name


class Pending(Exception):
    """A call whose input was not computed yet."""


def is_operation(stored: Mapping[str, Any]) -> bool:
    """Whether an entry is a function such as keras.ops.mean, rather than a layer."""
    return is_operation_module(str(stored.get("module") or ""))


def activation_name(value: Any) -> str:
    """The name of a stored activation function; "linear" when there is none."""
    if isinstance(value, Mapping):
        registered = value.get("registered_name")
        return str(value.get("config") if registered in (None, "", "function") else registered)
    return str(value or "linear")


def input_shape(settings: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The shape of an input without the batch."""
    return tuple((settings.get("batch_shape") or settings["batch_input_shape"])[1:])


def input_type(settings: Mapping[str, Any]) -> Any:
    """The type of an input, float32 for half precision."""
    return float32_name(settings["dtype"])


def takes_indices(name: str, layers: list[Mapping[str, Any]]) -> bool:
    """Whether an input goes to embeddings only (and to their comparison with 0): Keras casts it to integers there.

    As int32 it stays exact; as a number it would be quantized.
    """
    users = [stored for stored in layers if any(used == name for used, _, _ in _tensors(stored.get("inbound_nodes")))]
    kinds = {stored["class_name"] for stored in users}
    return "Embedding" in kinds and kinds <= {"Embedding", "NotEqual"}


def _tensors(stored: Any) -> Iterator[tuple[str, int, int]]:
    if isinstance(stored, Mapping):
        if stored.get("class_name") == "__keras_tensor__":
            yield tuple(stored["config"]["keras_history"])
        stored = list(stored.values())
    if isinstance(stored, list):
        for part in stored:
            yield from _tensors(part)


def references(structure: Any) -> Iterator[tuple[str, int, int]]:
    """The [layer, node, tensor] triples of a stored structure, in the order Keras 3 flattens it."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from references(structure[key])
    elif len(structure) == 3 and isinstance(structure[0], str) and isinstance(structure[1], int):
        yield structure[0], structure[1], structure[2]
    else:
        for part in structure:
            yield from references(part)


def value(stored: Any, tensors: Mapping[tuple[str, int], list[Any]]) -> Any:
    """A call's argument: stored tensors replaced by those computed so far.

    Raises:
        Pending: one of them is not there yet.
    """
    if isinstance(stored, list):
        return [value(part, tensors) for part in stored]
    if not isinstance(stored, Mapping):
        return stored
    class_name, config = stored.get("class_name"), stored.get("config")
    if class_name == "__keras_tensor__":
        layer, node, index = stored["config"]["keras_history"]
        if (layer, node) not in tensors:
            raise Pending
        return tensors[layer, node][index]
    if class_name == "__slice__":
        return slice(*(config[key] for key in ("start", "stop", "step"))) if config else slice(None)
    if class_name == "__ellipsis__":
        return Ellipsis
    if class_name in ("__tensor__", "__numpy__"):
        return np.array(stored["config"]["value"], stored["config"]["dtype"])
    if class_name == "__tuple__":
        return tuple(value(part, tensors) for part in stored.get("items", ()))
    return {key: value(part, tensors) for key, part in stored.items()}
