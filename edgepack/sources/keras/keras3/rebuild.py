"""A Keras 3 model rebuilt with Keras 2, layer by layer, with the same weights.

TF-MOT works on Keras 2 only, and neither generation reads the other's files. The configuration of a Keras 3 model holds
each layer's settings and the calls that connect them; here the layers are made anew and the calls replayed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from edgepack.ground.errors import EdgepackError, ModelError
from edgepack.sources.keras.config import check_layers, no_counterpart
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from edgepack.sources.keras.keras3.call import Call, Expression, Inexpressible
from edgepack.sources.keras.keras3.layers import LayerMaker, expressed
from edgepack.sources.keras.keras3.stored import (
    Pending,
    input_shape,
    input_type,
    is_operation,
    references,
    takes_indices,
    value,
)
from edgepack.sources.keras.keras3.substitutes import SUBSTITUTES
from edgepack.sources.keras.keras3.weights import copy_weights

_MODELS = frozenset({"Sequential", "Functional", "Model"})


def rebuild(model: Any, where: str, custom_objects: Mapping[str, Any]) -> Any:
    """The Keras 2 model with the layers, connections and weights of the Keras 3 `model`.

    Inputs and outputs come as flat lists in Keras 3's order (dicts sorted by key), and the batch size is left open.

    Raises:
        ModelError: EP-223, EP-224 and EP-232 for layers that cannot be rebuilt, EP-229 for a subclassed model.
    """
    tf_keras = import_tf_keras()
    try:
        config = json.loads(_functional_form(model).to_json())
    except NotImplementedError as error:
        raise _subclassed(where, type(model).__name__) from error
    except (TypeError, ValueError) as error:
        raise _unstorable(where, error) from error
    if "layers" not in config.get("config", {}):
        raise _subclassed(where, type(model).__name__)
    check_layers(config, where, {*dir(tf_keras.layers), *SUBSTITUTES}, custom_objects)
    try:
        built = _Builder(where, custom_objects).model(config)
        copy_weights(model, built, where)
    except EdgepackError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            "EP-232", f"{where}: cannot be rebuilt with Keras 2: {reason}", "write the model with tf_keras"
        ) from error
    return built


def _functional_form(model: Any) -> Any:
    """A model whose configuration says how its layers are connected, masks included.

    A class derived from Model that calls super().__init__(inputs=…, outputs=…) is stored by its name alone, and a Sequential
    does not say where its masks go.
    """
    keras = import_keras3()
    if isinstance(model, keras.Sequential):
        masks = any(type(layer).__name__ == "Masking" or getattr(layer, "mask_zero", False) for layer in model.layers)
        return keras.Model(model.inputs, model.outputs, name=model.name) if masks else model
    functional = keras.src.models.functional.Functional
    if isinstance(model, functional) and type(model) is not functional and type(model).call is functional.call:
        return keras.Model(model._inputs_struct, model._outputs_struct, name=model.name)
    return model


def _subclassed(where: str, class_name: str) -> ModelError:
    return ModelError(
        "EP-229",
        f"{where}: {class_name} is a subclassed model, whose layers are connected by Python code",
        "build the model with the functional API: Model(inputs, outputs)",
    )


def _unstorable(where: str, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:200]
    hint = "use activations by name, or functions listed in CUSTOM_OBJECTS, and give your layers a get_config() of plain values"
    return ModelError("EP-224", f"{where}: a layer cannot be stored: {reason}", hint)


class _Builder:
    def __init__(self, where: str, custom_objects: Mapping[str, Any]) -> None:
        self._where = where
        self._keras = import_tf_keras()
        self._make = LayerMaker(where, custom_objects, self.model)

    def model(self, stored: Mapping[str, Any]) -> Any:
        """The Keras 2 model of a stored Keras 3 one."""
        return (self._sequential if stored["class_name"] == "Sequential" else self._functional)(stored["config"])

    def _sequential(self, config: Mapping[str, Any]) -> Any:
        layers = config["layers"]
        first = layers[0] if layers else {}
        if first.get("class_name") == "InputLayer":
            settings, layers = first["config"], layers[1:]
            indices = bool(layers) and layers[0]["class_name"] == "Embedding"
            shape, dtype, name = input_shape(settings), "int32" if indices else input_type(settings), settings["name"]
        else:
            shape, dtype, name = tuple((config.get("build_input_shape") or ())[1:]), None, None
        if any(expressed(stored) for stored in layers):
            start = tensor = self._keras.Input(shape, dtype=dtype, name=name)
            for stored in layers:
                tensor = self._apply(self._caller(stored), stored, [tensor], {}, 0)
            return self._keras.Model(start, tensor, name=config["name"])
        made = [self._keras.layers.InputLayer(input_shape=shape, dtype=dtype, name=name)] if shape or name else []
        made += [self.model(stored) if stored["class_name"] in _MODELS else self._make.layer(stored) for stored in layers]
        return self._keras.Sequential(made, name=config["name"])

    def _functional(self, config: Mapping[str, Any]) -> Any:
        tensors: dict[tuple[str, int], list[Any]] = {}
        waiting = []
        for stored in config["layers"]:
            name = stored["name"]
            if stored["class_name"] == "InputLayer":
                settings = stored["config"]
                dtype = "int32" if takes_indices(name, config["layers"]) else input_type(settings)
                tensors[name, 0] = [self._keras.Input(input_shape(settings), dtype=dtype, name=name)]
            else:
                caller = self._caller(stored)
                waiting += [(stored, caller, index, call) for index, call in enumerate(stored["inbound_nodes"])]
        while waiting:
            left = []
            for stored, caller, index, call in waiting:
                try:
                    arguments = [value(part, tensors) for part in call["args"]]
                    named = {key: value(part, tensors) for key, part in call["kwargs"].items() if part is not None}
                except Pending:
                    left.append((stored, caller, index, call))
                    continue
                tensors[stored["name"], index] = _flat(self._apply(caller, stored, arguments, named, index))
            if len(left) == len(waiting):
                raise ModelError("EP-221", f"{self._where}: its layers are not connected", "save the model again")
            waiting = left
        inputs = [tensors[name, node][tensor] for name, node, tensor in references(config["input_layers"])]
        outputs = [tensors[name, node][tensor] for name, node, tensor in references(config["output_layers"])]
        return self._keras.Model(_single(inputs), _single(outputs), name=config["name"])

    def _caller(self, stored: Mapping[str, Any]) -> Expression:
        """What calls a stored layer, model or function; made once for all its calls."""
        if stored["class_name"] not in _MODELS:
            with _named(stored, self._where):
                return self._make.caller(stored)
        model = self.model(stored)

        def call_model(call: Call) -> Any:
            given = call.args[0]
            return model([given[key] for key in sorted(given)] if isinstance(given, dict) else given, *call.args[1:])

        return call_model

    def _apply(
        self, caller: Expression, stored: Mapping[str, Any], arguments: list[Any], named: dict[str, Any], index: int
    ) -> Any:
        config = stored["config"]
        name = str(stored.get("name") or config.get("name") or stored["class_name"])
        given = {key: part for key, part in named.items() if key != "training"}
        with _named(stored, self._where):
            return caller(Call(arguments, given, config, name if index == 0 else f"{name}_{index}"))


@contextlib.contextmanager
def _named(stored: Mapping[str, Any], where: str) -> Iterator[None]:
    """A block in which a call that cannot be expressed becomes the error that names its layer or function."""
    try:
        yield
    except Inexpressible as error:
        name = stored.get("name") or stored["config"].get("name")
        what = "operation" if is_operation(stored) else "layer"
        raise no_counterpart(f"{what} {name} ({stored['class_name']}: {error})", where) from error


def _flat(result: Any) -> list[Any]:
    import tensorflow

    flat: list[Any] = tensorflow.nest.flatten(result)
    return flat


def _single(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors
