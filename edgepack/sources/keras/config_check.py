"""A stored Keras configuration is walked before anything of it is built: whatever it names must be on the lists of allowed.py.

Keras looks names up in its own modules, in TensorFlow's public functions, and in any module that the file tells it to import.
Every entry of the configuration is looked at, wherever it stands (layers, cells, arguments of calls, initializers, settings of a
compiled model), because Keras builds what it finds, not what belongs there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgepack.ground.errors import ModelError, UnknownLayer
from edgepack.sources.keras.allowed import (
    ACTIVATIONS,
    CLASS_METHODS,
    CLASSES,
    FUNCTIONS,
    LAYERS,
    TENSOR_METHODS,
    TYPE_SPECS,
    VALUES,
    is_known_module,
    is_tensor_function,
)
from edgepack.sources.keras.config import is_operation_module, no_counterpart, refuse_lambda, refuse_wrapper, unknown_layer
from edgepack.sources.keras.keras3.operations.table import OPERATIONS

TRUST = "set [model] trust = true (--trust) if you know who made it"
# Settings whose text Keras takes for the name of a function or class.
_ROLE = re.compile(r"(^|_)(?P<role>activation|initializer|regularizer|constraint)$|^(?P<part>layer|backward_layer|cell|cells)$")
# Settings whose text is the path of a file that the layer reads.
_FILES = frozenset({"vocabulary", "idf_weights"})
_LAMBDAS = frozenset({"Lambda", "__lambda__"})
# What the settings of a call layer name, by its class.
_CALLS = frozenset({"TFOpLambda", "SlicingOpLambda"})
_READS = frozenset({"InstanceMethod", "InstanceProperty"})
_TYPES = frozenset({"TypeSpec", "CompositeTensor", "__typespec__"})


@dataclass(frozen=True)
class _Place:
    """Where the walk is: the layer's name, the setting, and whether it is among the settings of a class of the user's."""

    layer: str
    key: str = ""
    own: bool = False


def check_config(config: Any, where: str, custom: Collection[str]) -> None:
    """Refuse a configuration that names anything but Keras's layers, functions that compute on tensors, and the user's own.

    Args:
        config: As JSON gives it, of either generation; the settings of training on its outermost level are never used, and
            not looked at.
        where: The file, for messages.
        custom: The names of the user's own classes and functions.

    Raises:
        ModelError: EP-223 for a Lambda or stored Python code, EP-224 for a class or function that is not part of Keras, EP-232
            for an operation of Keras 3 that Keras 2 lacks, EP-237 for a function of TensorFlow that does more than compute, a
            module that is not Keras's, or a file to read.
    """
    if isinstance(config, Mapping):
        config = {key: value for key, value in config.items() if key not in ("compile_config", "training_config")}
    _Walk(where, frozenset(custom)).visit(config, _Place("model"))


def by_stored_name(config: Any, custom: Mapping[str, Any]) -> dict[str, Any]:
    """The user's objects under the names that a file has for them too: Keras would import the file's module for any other."""
    names = {entry.get(key) for entry in _entries(config) for key in ("class_name", "registered_name")}
    stored = {name: name.rpartition(">")[2] for name in names if isinstance(name, str)}
    return {name: custom[own] for name, own in stored.items() if own in custom} | dict(custom)


def _entries(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if "class_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _entries(part)


def refused(what: str, where: str, instead: str = "use layers of Keras, or write the layer in model.py") -> ModelError:
    """The error for something in a model file that is more than data."""
    return ModelError("EP-237", f"{where}: {what}", f"{instead}; {TRUST}")


@dataclass(frozen=True)
class _Walk:
    where: str
    custom: frozenset[str]

    def visit(self, value: Any, place: _Place) -> None:
        """Check `value` and everything within."""
        if isinstance(value, Mapping):
            if "class_name" in value:
                place = self._object(value, place)
            for key, part in value.items():
                self.visit(part, _Place(place.layer, str(key), place.own))
        elif isinstance(value, list | tuple):
            for part in value:
                if not (isinstance(part, str) and place.key in _FILES):  # a vocabulary that is there needs no file
                    self.visit(part, place)
        elif isinstance(value, str) and not place.own:
            self._text(value, place)

    def _object(self, value: Mapping[str, Any], place: _Place) -> _Place:
        """Check an entry that stands for a class or function; the place of its settings."""
        name, settings = value["class_name"], value.get("config")
        if not isinstance(name, str):
            raise self._refused(f"layer {place.layer} has a class name that is no text")
        layer = _name(value, place.layer)
        here = _Place(layer)
        refuse_wrapper(name, layer, self.where)
        if name in _LAMBDAS:
            refuse_lambda("Lambda", layer, self.where, f"; {TRUST}")
        module, registered = value.get("module"), value.get("registered_name")
        if name == "function":
            self._function(settings, module, registered, here)
        elif name in _TYPES:
            if value.get("type_spec") not in TYPE_SPECS:
                raise self._refused(f"layer {layer} takes the type {value.get('type_spec', name)!r}, not a tensor's")
            self._check_origin(name, module, registered, here)
        elif name in VALUES:
            self._check_origin(name, module, registered, here)
        elif self._is_own(name, registered):
            return _Place(layer, own=True)
        elif isinstance(module, str) and is_operation_module(module):
            if name not in OPERATIONS:
                raise no_counterpart(f"operation {_name(value, name)} ({name})", self.where)
            self._check_origin(name, module, registered, here)
        else:
            if name in _CALLS:
                self._tensor_function(settings, here)
            elif name in _READS:
                self._tensor_method(settings, here)
            elif name == "ClassMethod":
                self._class_method(settings, here)
            elif name not in CLASSES:
                raise self._unknown(name, module, _name(value, here.layer))
            self._check_origin(name, module, registered, here)
        return here

    def _is_own(self, name: str, registered: Any) -> bool:
        """Whether it is the user's, under the class's name, which older formats go by, and under the registered one."""
        if name in _CALLS | _READS | {"ClassMethod"}:
            return False
        names = [name] if registered in (None, "") else [name, registered]
        known = self.custom | {one.rpartition(">")[2] for one in self.custom}
        return all(isinstance(one, str) and {one, one.rpartition(">")[2]} & known for one in names)

    def _check_origin(self, name: str, module: Any, registered: Any, place: _Place) -> None:
        """A name on the lists must be Keras's own: Keras imports the module that an entry tells it to."""
        if module not in (None, "") and not (isinstance(module, str) and is_known_module(module)):
            raise self._refused(f"layer {place.layer} takes {name} from the module {module!r}")
        if registered not in (None, "") and not (isinstance(registered, str) and registered.rpartition(">")[2] == name):
            raise self._refused(f"layer {place.layer} takes {registered!r} for {name}")

    def _function(self, name: Any, module: Any, registered: Any, place: _Place) -> None:
        names = [name, *([] if registered in (None, "", "function") else [registered])]
        if all(isinstance(one, str) and one in self.custom for one in names):
            return
        for one in names:
            if not isinstance(one, str) or one.rpartition(">")[2] not in FUNCTIONS:
                raise self._unknown_name(str(one), "function", place)
        if module not in (None, "", "builtins") and not (isinstance(module, str) and is_known_module(module)):
            raise self._refused(f"layer {place.layer} takes the function {name} from the module {module!r}")

    def _tensor_function(self, settings: Any, place: _Place) -> None:
        function = settings.get("function") if isinstance(settings, Mapping) else None
        if not isinstance(function, str) or not is_tensor_function(function):
            raise self._refused(f"layer {place.layer} calls tf.{function}, which is not known to compute on tensors only")

    def _tensor_method(self, settings: Any, place: _Place) -> None:
        attribute = settings.get("attr_name") if isinstance(settings, Mapping) else None
        if not isinstance(attribute, str) or attribute not in TENSOR_METHODS:
            raise self._refused(f"layer {place.layer} uses a tensor's {attribute}")

    def _class_method(self, settings: Any, place: _Place) -> None:
        found = settings if isinstance(settings, Mapping) else {}
        method = f"{found.get('cls_symbol')}.{found.get('method_name')}"
        if method not in CLASS_METHODS:
            raise self._refused(f"layer {place.layer} calls tf.{method}, which is not known to compute on tensors only")

    def _text(self, value: str, place: _Place) -> None:
        """Check text that Keras takes for a name, or for a path."""
        if place.key in _FILES and value:
            raise self._refused(f"layer {place.layer} reads its {place.key} from the file {value!r}")
        role = _ROLE.search(place.key)
        if role is None or value in self.custom:
            return
        allowed = LAYERS if role["part"] else ACTIVATIONS if role["role"] == "activation" else FUNCTIONS
        if value in _LAMBDAS:
            refuse_lambda("Lambda", place.layer, self.where, f"; {TRUST}")
        if value not in allowed:
            raise self._unknown_name(value, role["part"] or role["role"], place)

    def _unknown(self, name: str, module: Any, layer: str) -> ModelError:
        if isinstance(module, str) and is_known_module(module):
            return self._refused(f"layer {layer} uses {module}.{name}, which is not known to compute on tensors only")
        return unknown_layer(name, layer, self.where)

    def _unknown_name(self, name: str, role: str, place: _Place) -> ModelError:
        return UnknownLayer(
            "EP-224",
            f"{self.where}: layer {place.layer} uses the {role} {name!r}, which is not part of Keras",
            f'list it in CUSTOM_OBJECTS of model.py and set [model] custom_objects = "model.py:CUSTOM_OBJECTS"; {TRUST}',
        )

    def _refused(self, what: str) -> ModelError:
        return refused(what, self.where)


def _name(value: Mapping[str, Any], otherwise: str) -> str:
    """What a stored layer is called; `otherwise` for an entry without a name of its own."""
    settings = value.get("config")
    name = value.get("name") or (settings.get("name") if isinstance(settings, Mapping) else None)
    return str(name or otherwise)
