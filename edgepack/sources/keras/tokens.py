"""Inputs of row numbers (tokens) that a Keras 2 model declares as float numbers, as `Input` does unless told otherwise.

Embedding casts them to int32. A quantized file would hold them in 8 bits, which loses most of a vocabulary.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.own_layers import completed, named_configs, registered

_FLOATS = ("float16", "bfloat16", "float32", "float64")
# They move whole numbers about without computing with them.
_MOVES = frozenset(
    {"Reshape", "Flatten", "Permute", "RepeatVector", "Cropping1D", "Cropping2D", "Concatenate", "SlicingOpLambda"}
)
_CAST = re.compile(r"tf\.cast(_\d+)?$")
_COMPARES = re.compile(r"tf\.(math\.(not_equal|equal|greater|greater_equal|less|less_equal)|__operators__\.(ne|eq))(_\d+)?$")
_Path = tuple[str, ...]


def with_whole_tokens(model: Any, objects: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """A copy of a Keras 2 model whose float inputs that only embeddings read are int32, and their names.

    The model itself, with no names, when there are none or it cannot be copied. Reshaping, slicing and the like may come
    before the embedding, and either may be in a model within the model.
    """
    inputs = [layer for layer in _input_layers(model) if _dtype(layer) in _FLOATS]
    if not inputs:
        return model, []
    paths: dict[str, set[_Path]] = {}
    for layer in inputs:
        found: set[_Path] = set()
        if _tokens_only(model, layer.output, (), found) and found:
            paths[layer.name] = {(layer.name,), *found}
    if not paths:
        return model, []
    wanted = set().union(*paths.values())
    try:
        with named_configs(model):
            config = json.loads(model.to_json())
        _declare(config["config"], (), wanted)
        text, classes = json.dumps(config), completed(registered() | dict(objects))
        copy = import_tf_keras().models.model_from_json(text, custom_objects=classes)
        copy.set_weights(model.get_weights())
    except Exception:  # whatever a layer of the user's own says to whole numbers: the conversion will speak of it
        return model, []
    return copy, list(paths)


def _input_layers(model: Any) -> list[Any]:
    return [layer for layer in getattr(model, "_input_layers", []) if type(layer).__name__ == "InputLayer"]


def _dtype(layer: Any) -> str:
    return str(layer.output.dtype.name)


def _tokens_only(model: Any, tensor: Any, path: _Path, found: set[_Path]) -> bool:
    """Whether all that reads a tensor of `model` takes it for row numbers, or compares it (for a mask).

    `found` gets the paths of the input layers, within models that `model` calls, that it goes through; and an empty one when
    it comes to an embedding, or a cast to whole numbers, at all.
    """
    readers = list(_readers(model, tensor))
    if not readers or any(tensor is output for output in model.outputs):
        return False
    return all(_takes_tokens(model, node, tensor, path, found) for node in readers)


def _takes_tokens(model: Any, node: Any, tensor: Any, path: _Path, found: set[_Path]) -> bool:
    layer = node.layer
    kind = type(layer).__name__
    if kind == "Embedding" or (kind == "TimeDistributed" and type(layer.layer).__name__ == "Embedding"):
        found.add(())
        return True
    if kind == "TFOpLambda" and _CAST.match(layer.name):
        whole = str(node.outputs.dtype.name) in ("int32", "int64")
        found |= {()} if whole else set()
        return whole
    if kind == "TFOpLambda" and _COMPARES.match(layer.name):
        return True
    if kind in _MOVES:
        return all(_tokens_only(model, output, path, found) for output in _leaves(node.outputs))
    places = [place for place, given in enumerate(node.keras_inputs) if given is tensor]
    inner = _input_layers(layer) if hasattr(layer, "_nodes_by_depth") else []
    if not inner or len(inner) != len(node.keras_inputs):
        return False
    here = (*path, layer.name)
    found |= {(*here, inner[place].name) for place in places}
    return all(_tokens_only(layer, inner[place].output, here, found) for place in places)


def _readers(model: Any, tensor: Any) -> Iterator[Any]:
    """The calls in `model` that take a tensor."""
    for nodes in model._nodes_by_depth.values():
        yield from (node for node in nodes if any(given is tensor for given in node.keras_inputs))


def _declare(config: dict[str, Any], path: _Path, wanted: set[_Path]) -> None:
    """Make the input layers at the `wanted` paths of a stored model whole numbers."""
    for stored in config["layers"]:
        settings = stored["config"]
        here = (*path, settings["name"])
        if stored["class_name"] == "InputLayer" and here in wanted:
            settings["dtype"] = "int32"
        elif "layers" in settings:
            _declare(settings, here, wanted)


def _leaves(structure: Any) -> list[Any]:
    return [leaf for part in structure for leaf in _leaves(part)] if isinstance(structure, list | tuple) else [structure]
