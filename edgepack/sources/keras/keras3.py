"""A Keras 3 model rebuilt with Keras 2, layer by layer, with the same weights.

TF-MOT works on Keras 2 only, and neither generation reads the other's files. The configuration of a Keras 3 model holds
each layer's settings and the calls that connect them; here the layers are made anew and the calls replayed.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from edgepack.ground.errors import EdgepackError, ModelError, UnknownLayer
from edgepack.sources.keras.config import check_layers, no_counterpart
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.keras3_operations import hard_sigmoid, hard_silu, operation
from edgepack.sources.keras.keras3_weights import copy_weights
from edgepack.sources.keras.precision import float32_name

# Settings that Keras 2 calls otherwise.
_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}}
_BASE_SETTINGS = frozenset({"name", "trainable", "dtype"})
_DIFFERENT_ACTIVATIONS = {"hard_sigmoid": hard_sigmoid, "hard_silu": hard_silu, "hard_swish": hard_silu}


def rebuild(model: Any, where: str, custom_objects: Mapping[str, Any]) -> Any:
    """The Keras 2 model with the layers, connections and weights of the Keras 3 `model`.

    Inputs and outputs come as flat lists in Keras 3's order (dicts sorted by key), and the batch size is left open.

    Raises:
        ModelError: EP-223, EP-224 and EP-232 for layers that cannot be rebuilt, EP-229 for a subclassed model.
    """
    tf_keras = import_tf_keras()
    try:
        config = json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise _subclassed(where, type(model).__name__) from error
    if "layers" not in config.get("config", {}):
        raise _subclassed(where, type(model).__name__)
    check_layers(config, where, dir(tf_keras.layers), custom_objects)
    try:
        built = _Builder(where, custom_objects).layer(config)
        copy_weights(model, built, where)
    except EdgepackError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            "EP-232", f"{where}: cannot be rebuilt with Keras 2: {reason}", "write the model with tf_keras"
        ) from error
    return built


def _subclassed(where: str, class_name: str) -> ModelError:
    return ModelError(
        "EP-229",
        f"{where}: {class_name} is a subclassed model, whose layers are connected by Python code",
        "build the model with the functional API: Model(inputs, outputs)",
    )


class _Pending(Exception):
    """A call whose input was not computed yet."""


class _Builder:
    def __init__(self, where: str, custom_objects: Mapping[str, Any]) -> None:
        self._where, self._custom = where, custom_objects
        self._keras = import_tf_keras()

    def layer(self, stored: Mapping[str, Any]) -> Any:
        """The Keras 2 layer or model of a stored Keras 3 one."""
        class_name, config = stored["class_name"], stored["config"]
        if class_name == "Sequential":
            return self._sequential(config)
        if class_name in ("Functional", "Model"):
            return self._functional(config)
        kind = self._class(stored)
        renamed = {_RENAMED.get(class_name, {}).get(key, key): value for key, value in config.items()}
        accepted = _accepted(kind)
        settings = {
            key: self._setting(key, value)
            for key, value in renamed.items()
            if key in accepted and not key.endswith("initializer") and not _is_initializer(value)
        }
        try:
            return kind(**settings)
        except (TypeError, ValueError) as error:
            raise no_counterpart(f"layer {config.get('name', class_name)} ({class_name}: {error})", self._where) from error

    def _class(self, stored: Mapping[str, Any]) -> Any:
        name = stored["class_name"]
        own = self._custom.get(stored.get("registered_name") or "") or self._custom.get(name)
        if own is None:
            return getattr(self._keras.layers, name)
        if not (isinstance(own, type) and issubclass(own, self._keras.layers.Layer)):
            raise UnknownLayer(
                "EP-224",
                f"{self._where}: the class {name} is written for Keras 3; compression works on Keras 2 layers",
                f"derive {name} from tf_keras.layers.Layer and build the model with tf_keras in model.py",
            )
        return own

    def _setting(self, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._setting(key, part) for part in value]
        if key == "activation" or key.endswith("_activation"):
            return self._activation(value)
        if not isinstance(value, Mapping) or "class_name" not in value:
            return float32_name(value) if key == "dtype" else value
        if value["class_name"] == "DTypePolicy":
            return float32_name(value["config"]["name"])
        module = str(value.get("module") or "")
        if key in ("layer", "backward_layer", "cell", "cells") or module == "keras.layers":
            return self.layer(value)
        return {"class_name": value["class_name"], "config": value["config"]}

    def _activation(self, value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("module") == "keras.layers":
            return self.layer(value)
        name = str(value.get("registered_name") or value.get("config") if isinstance(value, Mapping) else value or "linear")
        if name in self._custom:
            return self._custom[name]
        name = "swish" if name == "silu" else name
        if name in _DIFFERENT_ACTIVATIONS or not _knows_activation(self._keras, name):
            raise no_counterpart(f"the activation {name} inside of a layer", self._where)
        return name

    def _sequential(self, config: Mapping[str, Any]) -> Any:
        layers = []
        first = config["layers"][0] if config["layers"] else {}
        if first.get("class_name") != "InputLayer" and config.get("build_input_shape"):
            layers.append(self._keras.layers.InputLayer(input_shape=config["build_input_shape"][1:]))
        for stored in config["layers"]:
            if stored["class_name"] == "InputLayer":
                settings = stored["config"]
                shape = _input_shape(settings)
                layers.append(
                    self._keras.layers.InputLayer(input_shape=shape, dtype=_input_type(settings), name=settings["name"])
                )
            elif _replaced_activation(stored):
                return self._sequential_as_functional(config)
            else:
                layers.append(self.layer(stored))
        return self._keras.Sequential(layers, name=config["name"])

    def _sequential_as_functional(self, config: Mapping[str, Any]) -> Any:
        """A Sequential whose activations take several Keras 2 layers each."""
        first = config["layers"][0]
        shape = _input_shape(first["config"]) if first["class_name"] == "InputLayer" else config["build_input_shape"][1:]
        start = tensor = self._keras.Input(shape)
        for stored in config["layers"]:
            if stored["class_name"] != "InputLayer":
                tensor = self._apply(stored, None, [tensor], {})
        return self._keras.Model(start, tensor, name=config["name"])

    def _functional(self, config: Mapping[str, Any]) -> Any:
        tensors: dict[tuple[str, int], list[Any]] = {}
        waiting = []
        for stored in config["layers"]:
            name = stored["name"]
            if stored["class_name"] == "InputLayer":
                settings = stored["config"]
                tensors[name, 0] = [self._keras.Input(_input_shape(settings), dtype=_input_type(settings), name=name)]
            else:
                made = None if _is_operation(stored) or _replaced_activation(stored) else self.layer(stored)
                waiting += [(stored, made, index, call) for index, call in enumerate(stored["inbound_nodes"])]
        while waiting:
            left = []
            for stored, made, index, call in waiting:
                try:
                    arguments = [_value(part, tensors) for part in call["args"]]
                    named = {key: _value(part, tensors) for key, part in call["kwargs"].items() if part is not None}
                except _Pending:
                    left.append((stored, made, index, call))
                    continue
                tensors[stored["name"], index] = _flat(self._apply(stored, made, arguments, named))
            if len(left) == len(waiting):
                raise ModelError("EP-221", f"{self._where}: its layers are not connected", "save the model again")
            waiting = left
        inputs = [tensors[name, node][tensor] for name, node, tensor in _references(config["input_layers"])]
        outputs = [tensors[name, node][tensor] for name, node, tensor in _references(config["output_layers"])]
        return self._keras.Model(_single(inputs), _single(outputs), name=config["name"])

    def _apply(self, stored: Mapping[str, Any], made: Any, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Call a layer, or express a Keras 3 operation."""
        class_name, config = stored["class_name"], stored["config"]
        if _replaced_activation(stored):
            return _DIFFERENT_ACTIVATIONS[config["activation"]](arguments[0], config["name"])
        if _is_operation(stored):
            express = operation(class_name)
            if express is None:
                raise no_counterpart(f"operation {stored.get('name', class_name)} ({class_name})", self._where)
            return express([*arguments, *named.values()], config, config["name"])
        layer = made if made is not None else self.layer(stored)
        if isinstance(layer, self._keras.Model) and isinstance(arguments[0], dict):
            arguments = [[arguments[0][key] for key in sorted(arguments[0])], *arguments[1:]]
        return layer(*arguments, **{key: value for key, value in named.items() if value is not None and key != "training"})


def _is_operation(stored: Mapping[str, Any]) -> bool:
    return str(stored.get("module") or "").startswith(("keras.src.ops", "keras.ops"))


def _replaced_activation(stored: Mapping[str, Any]) -> bool:
    """Whether a layer is an Activation that Keras 2 defines differently."""
    return stored["class_name"] == "Activation" and stored["config"].get("activation") in tuple(_DIFFERENT_ACTIVATIONS)


def _accepted(kind: type) -> set[str]:
    """The settings a layer class takes, its base classes' included where it passes the rest on to them."""
    names = set(_BASE_SETTINGS)
    for cls in kind.__mro__:
        parameters = inspect.signature(vars(cls)["__init__"]).parameters if "__init__" in vars(cls) else {}
        names |= {name for name, parameter in parameters.items() if parameter.kind is not parameter.VAR_KEYWORD}
        if parameters and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return names - {"self", "args"}


def _is_initializer(value: Any) -> bool:
    return isinstance(value, Mapping) and str(value.get("module") or "").startswith("keras.initializers")


def _knows_activation(keras: Any, name: Any) -> bool:
    try:
        keras.activations.get(name)
    except (ValueError, TypeError):
        return False
    return True


def _input_shape(settings: Mapping[str, Any]) -> tuple[int | None, ...]:
    return tuple((settings.get("batch_shape") or settings["batch_input_shape"])[1:])


def _input_type(settings: Mapping[str, Any]) -> Any:
    return float32_name(settings["dtype"])


def _references(structure: Any) -> Iterator[tuple[str, int, int]]:
    """The [layer, node, tensor] triples of a stored structure, in the order Keras 3 flattens it."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _references(structure[key])
    elif len(structure) == 3 and isinstance(structure[0], str) and isinstance(structure[1], int):
        yield structure[0], structure[1], structure[2]
    else:
        for part in structure:
            yield from _references(part)


def _value(stored: Any, tensors: Mapping[tuple[str, int], list[Any]]) -> Any:
    """A call's argument: stored tensors replaced by those computed so far.

    Raises:
        _Pending: one of them is not there yet.
    """
    if isinstance(stored, list):
        return [_value(part, tensors) for part in stored]
    if not isinstance(stored, Mapping):
        return stored
    class_name, config = stored.get("class_name"), stored.get("config")
    if class_name == "__keras_tensor__":
        layer, node, index = stored["config"]["keras_history"]
        if (layer, node) not in tensors:
            raise _Pending
        return tensors[layer, node][index]
    if class_name == "__slice__":
        return slice(*(config[key] for key in ("start", "stop", "step"))) if config else slice(None)
    if class_name == "__ellipsis__":
        return Ellipsis
    if class_name in ("__tensor__", "__numpy__"):
        return np.array(stored["config"]["value"], stored["config"]["dtype"])
    if class_name == "__tuple__":
        return tuple(_value(part, tensors) for part in stored.get("items", ()))
    return {key: _value(part, tensors) for key, part in stored.items()}


def _flat(result: Any) -> list[Any]:
    import tensorflow

    flat: list[Any] = tensorflow.nest.flatten(result)
    return flat


def _single(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
