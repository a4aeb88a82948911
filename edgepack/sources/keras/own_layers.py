"""The user's own layer classes, made so that a copy of a layer is a copy: with its name, and without a traceback.

Keras copies a layer by `from_config(get_config())`. A class without a get_config of its own, or with one that does not begin with
its base's, gives a configuration without the layer's name (Keras leaves it out where `__init__` has no `**kwargs` of that very
name), and steps and TF-MOT find layers by their names.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.frameworks import import_tf_keras

_LIBRARIES = ("tf_keras", "keras", "tensorflow", "tensorflow_model_optimization", "edgepack")
# What every layer's configuration may hold, and not every __init__ takes.
_OF_EVERY_LAYER = frozenset({"name", "trainable", "dtype", "batch_input_shape"})
_HINT = "give the class a get_config() that adds every argument of __init__ to super().get_config()"


def completed(objects: Mapping[str, Any]) -> dict[str, Any]:
    """`objects`, the user's layer classes among them exchanged for ones that can be copied."""
    return {name: _copied_by_name(found) if _is_own(found) else found for name, found in objects.items()}


def registered() -> dict[str, Any]:
    """What was registered with Keras (`register_keras_serializable`)."""
    return dict(import_tf_keras().saving.get_custom_objects())


def classes_of(model: Any) -> dict[str, Any]:
    """The user's layer classes in a model or a layer, at any depth, by name, in the form that can be copied."""
    kinds: set[Any] = {type(layer) for layer in model._flatten_layers(include_self=False)}
    return {kind.__name__: _copied_by_name(kind) for kind in kinds if _is_own(kind)}


def copied(layer: Any, changes: Mapping[str, Any] | None = None) -> Any:
    """A new layer of the same configuration but for the `changes`, and of the same name, without weights.

    Raises:
        ModelError: EP-224 naming the class, when its configuration does not make it again.
    """
    kind: Any = type(layer)
    config = _config(kind, layer) if _is_own(kind) else layer.get_config()
    with import_tf_keras().utils.custom_object_scope(classes_of(layer)):
        return (_copied_by_name(kind) if _is_own(kind) else kind).from_config({**config, **(changes or {})})


@contextmanager
def named_configs(model: Any) -> Iterator[None]:
    """While the block runs, the configurations of the user's layers in `model` have their names, whatever their classes say."""
    own = [layer for layer in model._flatten_layers(include_self=False) if _is_own(type(layer))]
    for layer in own:
        config: Any = partial(_config, type(layer), layer)
        config._is_default = getattr(layer.get_config, "_is_default", False)
        object.__setattr__(layer, "get_config", config)  # past what Keras makes of attributes
    try:
        yield
    finally:
        for layer in own:
            object.__delattr__(layer, "get_config")


def _is_own(kind: Any) -> bool:
    keras = import_tf_keras()
    if not inspect.isclass(kind) or not issubclass(kind, keras.layers.Layer) or issubclass(kind, keras.Model):
        return False
    return kind.__module__.partition(".")[0] not in _LIBRARIES


@cache
def _copied_by_name(own: Any) -> Any:
    """A subclass of the layer class `own`, under its name, whose configuration always has the layer's name."""
    if "edgepack_original" in vars(own):
        return own

    class Completed(own):  # type: ignore[misc]
        edgepack_original = own

        def get_config(self) -> dict[str, Any]:
            return _config(own, self)

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            taken = {key: value for key, value in config.items() if key not in _OF_EVERY_LAYER or _takes(own, key)}
            try:
                layer = super().from_config(taken)
            except (TypeError, KeyError) as error:
                raise _cannot_copy(own, config.get("name", ""), str(error.__context__ or error)) from error
            layer._name = config.get("name", layer.name)
            layer.trainable = config.get("trainable", True)
            return layer

    # Keras asks this flag whether to write down the arguments that the layer was made with.
    Completed.get_config._is_default = getattr(own.get_config, "_is_default", False)  # type: ignore[attr-defined]
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Completed, attribute, getattr(own, attribute))
    return Completed


def _config(kind: Any, layer: Any) -> dict[str, Any]:
    """What `kind` says of a layer, with its name."""
    try:
        config: dict[str, Any] = kind.get_config(layer)
    except NotImplementedError as error:
        raise _cannot_copy(kind, layer.name, "it has no get_config(), and was made with what is no plain value") from error
    return {"name": layer.name, "trainable": layer.trainable, **config}


def _cannot_copy(kind: Any, name: str, reason: str) -> ModelError:
    said = " ".join(reason.split())[:160]
    return ModelError(
        "EP-224", f"layer {name} of the class {kind.__name__} cannot be made again from its get_config(): {said}", _HINT
    )


def _takes(own: Any, name: str) -> bool:
    parameters = inspect.signature(own.__init__).parameters
    return name in parameters or any(value.kind is value.VAR_KEYWORD for value in parameters.values())
