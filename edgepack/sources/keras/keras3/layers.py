"""The Keras 2 layer of a stored Keras 3 one, and what calls it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from edgepack.ground.errors import UnknownLayer
from edgepack.sources.keras.config import no_counterpart
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from edgepack.sources.keras.keras3.activations import BEHIND, IN_CELLS, SAME
from edgepack.sources.keras.keras3.call import Call, Expression
from edgepack.sources.keras.keras3.operations.table import OPERATIONS
from edgepack.sources.keras.keras3.recurrent import is_recurrent, takes_hard_sigmoid
from edgepack.sources.keras.keras3.stored import activation_name, is_operation
from edgepack.sources.keras.keras3.substitutes import SUBSTITUTES, joint_mask
from edgepack.sources.keras.precision import float32_name

# Settings that Keras 2 calls otherwise.
_RENAMED = {"LeakyReLU": {"negative_slope": "alpha"}}
_BASE_SETTINGS = frozenset({"name", "trainable", "dtype"})
# Settings of Keras 3 alone that do not change what a layer computes, and ends of such names.
_WITHOUT_EFFECT = frozenset(
    {"seed", "quantization_config", "lora_rank", "lora_alpha", "flash_attention", "synchronized", "autocast"}
)
_TRAINING_ENDS = ("initializer", "regularizer", "constraint")
_ATTENTION_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")
# Layers of Keras 2 that cannot be opened again once they are stored, or that do something else.
_REFUSED = frozenset({"SpectralNormalization", "RandomCrop"})
_WRAPPED = frozenset({"layer", "backward_layer", "cell", "cells"})


def expressed(stored: Mapping[str, Any]) -> bool:
    """Whether a stored layer takes several Keras 2 layers, or none."""
    return is_operation(stored) or stored["class_name"] in SUBSTITUTES or _behind(stored) is not None


def _behind(stored: Mapping[str, Any]) -> str | None:
    """The activation of a layer, or of the layer in a TimeDistributed, that has to be put behind it."""
    class_name, config = stored["class_name"], stored["config"]
    if class_name == "TimeDistributed":
        return _behind(config["layer"])
    if is_recurrent(class_name) or not isinstance(config, Mapping) or _is_layer(config.get("activation")):
        return None
    name = activation_name(config.get("activation"))
    return name if name in BEHIND else None


class LayerMaker:
    """Makes Keras 2 layers; `model` makes the models within wrappers."""

    def __init__(self, where: str, custom_objects: Mapping[str, Any], model: Callable[[Mapping[str, Any]], Any]) -> None:
        self._where, self._custom, self._model = where, custom_objects, model
        self._keras = import_tf_keras()

    def caller(self, stored: Mapping[str, Any]) -> Expression:
        """What calls a stored layer or function.

        Raises:
            ModelError: EP-232 for what has no counterpart, EP-224 for a layer of the user's that is written for Keras 3.
        """
        class_name, config = stored["class_name"], stored["config"]
        if is_operation(stored):
            if class_name not in OPERATIONS:
                raise no_counterpart(f"operation {stored.get('name', class_name)} ({class_name})", self._where)
            return OPERATIONS[class_name]
        if class_name in SUBSTITUTES and not self._own(stored):
            return SUBSTITUTES[class_name](config)
        behind = _behind(stored)
        if behind is None or behind in self._custom:
            return _caller(self.layer(stored))
        activate = BEHIND[behind]
        if class_name == "Activation":
            return lambda call: activate(call.x, call.name)
        caller = _caller(self.layer(_without_activation(stored)))
        return lambda call: activate(caller(call), f"{call.name}_{behind}")

    def layer(self, stored: Mapping[str, Any]) -> Any:
        """The Keras 2 layer of a stored Keras 3 one."""
        class_name, config = stored["class_name"], stored["config"]
        if class_name in ("Sequential", "Functional", "Model"):
            return self._model(stored)
        if class_name in SUBSTITUTES and not self._own(stored):
            raise no_counterpart(f"layer {config.get('name')} ({class_name}) inside of another layer", self._where)
        if class_name in _REFUSED:
            raise no_counterpart(f"layer {config.get('name')} ({class_name})", self._where)
        kind = self._class(stored)
        renamed = {_RENAMED.get(class_name, {}).get(key, key): value for key, value in config.items()}
        accepted = _accepted(kind) | ({"zero_output_for_mask"} if is_recurrent(class_name) else set())
        if not self._own(stored):
            self._check_left(stored, {key: config[key] for key in config.keys() & (renamed.keys() - accepted)})
        settings = {
            key: self._setting(class_name, key, value)
            for key, value in renamed.items()
            if key in accepted and not key.endswith("initializer") and not _is_initializer(value)
        }
        try:
            return kind(**settings)
        except (TypeError, ValueError) as error:
            raise no_counterpart(f"layer {config.get('name', class_name)} ({class_name}: {error})", self._where) from error

    def _check_left(self, stored: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Refuse settings that Keras 2's layer does not have, unless they are what they are by default."""
        class_name = stored["class_name"]
        kind = getattr(import_keras3().layers, class_name, None)
        defaults = inspect.signature(kind).parameters if isinstance(kind, type) else {}
        for key, value in settings.items():
            if key in _WITHOUT_EFFECT or key.endswith(_TRAINING_ENDS) or value == "channels_last":
                continue
            default = defaults[key].default if key in defaults else value if value is not True else None
            if value != (list(default) if isinstance(default, tuple) else default):
                name = stored["config"].get("name")
                raise no_counterpart(f"the setting {key} = {value} of layer {name} ({class_name})", self._where)

    def _own(self, stored: Mapping[str, Any]) -> Any:
        return self._custom.get(stored.get("registered_name") or "") or self._custom.get(stored["class_name"])

    def _class(self, stored: Mapping[str, Any]) -> Any:
        own, name = self._own(stored), stored["class_name"]
        if own is None:
            return getattr(self._keras.layers, name)
        if not (isinstance(own, type) and issubclass(own, self._keras.layers.Layer)):
            raise UnknownLayer(
                "EP-224",
                f"{self._where}: the class {name} is written for Keras 3; compression works on Keras 2 layers",
                f"derive {name} from tf_keras.layers.Layer and build the model with tf_keras in model.py",
            )
        return own

    def _setting(self, class_name: str, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._setting(class_name, key, part) for part in value]
        if key == "activation" or key.endswith("_activation"):
            return self._activation(class_name, key, value)
        if not isinstance(value, Mapping) or "class_name" not in value:
            return float32_name(value) if key == "dtype" else value
        if value["class_name"] == "DTypePolicy":
            return float32_name(value["config"]["name"])
        if key in _WRAPPED or _is_layer(value):
            return self.layer(value)
        return {"class_name": value["class_name"], "config": value["config"]}

    def _activation(self, class_name: str, key: str, value: Any) -> Any:
        if _is_layer(value):
            return self.layer(value)
        name = activation_name(value)
        if name in self._custom:
            return self._custom[name]
        if name in SAME:
            return SAME[name]
        if name in IN_CELLS and is_recurrent(class_name):
            return name
        if name == "hard_sigmoid" and takes_hard_sigmoid(class_name, key):
            return name
        raise no_counterpart(f"the activation {name} inside of a layer ({class_name})", self._where)


def _caller(layer: Any) -> Expression:
    def call_layer(call: Call) -> Any:
        named = {key: value for key, value in call.named.items() if value is not None}
        if type(layer).__name__ == "MultiHeadAttention":
            mask = joint_mask(call)
            named = {key: value for key, value in named.items() if key not in _ATTENTION_MASKS}
            if mask is not None:
                named["attention_mask"] = mask
        if "mask" in named and not layer._expects_mask_arg:
            del named["mask"]
        return layer(*call.args, **named)

    return call_layer


def _without_activation(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    config = stored["config"]
    if stored["class_name"] == "TimeDistributed":
        return {**stored, "config": {**config, "layer": _without_activation(config["layer"])}}
    return {**stored, "config": {**config, "activation": "linear"}}


def _is_layer(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("module") == "keras.layers"


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
