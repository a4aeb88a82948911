"""What a stored Keras configuration contains, read as plain data before anything of it is run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edgepack.ground.errors import ModelError, UnknownLayer

# Layers that tf_keras makes for TensorFlow functions in a model; they are stored by the function's name.
_OPERATION_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"})
_MODELS = frozenset({"Functional", "Model", "Sequential"})
# The classes that TensorFlow Model Optimization wraps layers in, and how to come to a plain model.
_WRAPPERS = {
    "PruneLowMagnitude": "end with tfmot.sparsity.keras.strip_pruning(model)",
    **dict.fromkeys(
        ("ClusterWeights", "ClusterWeightsRNN", "ClusterWeightsMHA"), "end with tfmot.clustering.keras.strip_clustering(model)"
    ),
    **dict.fromkeys(
        ("QuantizeAnnotate", "QuantizeLayer", "QuantizeWrapper", "QuantizeWrapperV2"),
        "give the float model, as it was before quantize_model or quantize_annotate_model; the step quantize wraps it itself",
    ),
}
_LAYER_KEYS = frozenset({"layer", "backward_layer", "cell", "cells", "layers"})


@dataclass(frozen=True)
class StoredLayer:
    """One layer of a configuration: its name, class, and the module and registered name that Keras 3 stores with it."""

    name: str
    class_name: str
    module: str
    registered_name: str

    @property
    def is_operation(self) -> bool:
        """Whether it is a Keras 3 function such as keras.ops.mean rather than a layer."""
        return is_operation_module(self.module)


def is_operation_module(module: str) -> bool:
    """Whether Keras 3 keeps functions such as keras.ops.mean and keras.activations.relu in a module, rather than layers."""
    return module.startswith(("keras.src.ops", "keras.ops", "keras.src.activations"))


def stored_layers(config: Mapping[str, Any]) -> Iterator[StoredLayer]:
    """Every layer of a model's configuration, those inside of wrappers and nested models too."""
    inner = config.get("config")
    if "class_name" in config and isinstance(inner, Mapping | list):
        settings = inner if isinstance(inner, Mapping) else {"layers": inner}
        name = str(config.get("name") or settings.get("name") or config["class_name"])
        yield StoredLayer(
            name, str(config["class_name"]), str(config.get("module") or ""), str(config.get("registered_name") or "")
        )
        for key in _LAYER_KEYS & settings.keys():
            value = settings[key]
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, Mapping):
                    yield from stored_layers(child)


def check_layers(
    config: Mapping[str, Any], where: str, known: Collection[str], custom: Collection[str], otherwise: str = ""
) -> None:
    """Refuse layers that cannot be used. `known` are Keras 2's layer classes, `custom` the user's own.

    `otherwise` ends the hint about a Lambda layer.

    Raises:
        ModelError: EP-223 for a Lambda layer, EP-224 for a layer class of the user's that was not given, EP-232 for a Keras 3
            layer that Keras 2 does not have, EP-236 for a wrapper of TF-MOT.
    """
    for layer in stored_layers(config):
        refuse_lambda(layer.class_name, layer.name, where, otherwise)
        refuse_wrapper(layer.class_name, layer.name, where)
        own = {layer.class_name, layer.class_name.rpartition(">")[2], layer.registered_name} & set(custom)
        if own or layer.is_operation or layer.class_name in _MODELS | _OPERATION_LAYERS or layer.class_name in known:
            continue
        if layer.module.startswith("keras."):
            raise no_counterpart(f"layer {layer.name} ({layer.class_name})", where)
        raise unknown_layer(layer.class_name, layer.name, where)


def check_own_layers(model: Any, where: str, custom: Collection[str]) -> None:
    """Refuse a Keras 2 model with a layer of the user's own that later stages could not open again.

    Raises:
        ModelError: EP-224 or, for a wrapper of TF-MOT, EP-236, naming the layer.
    """
    for layer in model._flatten_layers(include_self=False):
        kind = type(layer)
        refuse_wrapper(kind.__name__, layer.name, where)
        if not kind.__module__.startswith("tf_keras.") and kind.__name__ not in {name.rpartition(">")[2] for name in custom}:
            raise unknown_layer(kind.__name__, layer.name, where)


def refuse_lambda(class_name: str, name: str, where: str, otherwise: str = "") -> None:
    """Raise EP-223 for a Lambda layer; `otherwise` ends the hint."""
    if class_name == "Lambda":
        raise ModelError(
            "EP-223",
            f"{where}: layer {name} is a Lambda, whose Python code cannot be opened safely nor converted reliably",
            "use a built-in layer (Rescaling, Reshape, …), or a Layer class of your own in model.py, listed in CUSTOM_OBJECTS"
            + otherwise,
        )


def refuse_wrapper(class_name: str, name: str, where: str) -> None:
    """Refuse what TF-MOT put around a layer: steps would wrap it once more, and the converter writes its masks into the file."""
    class_name = class_name.rpartition(">")[2]
    if class_name in _WRAPPERS:
        what = f"{where}: layer {name} is still wrapped by TF-MOT for its own training ({class_name})"
        raise ModelError("EP-236", what, _WRAPPERS[class_name])


def unknown_layer(class_name: str, name: str, where: str) -> ModelError:
    """The error for a class that only the user can give."""
    return UnknownLayer(
        "EP-224",
        f"{where}: layer {name} is of the class {class_name}, which is not a Keras layer",
        f'define {class_name} in model.py, list it in CUSTOM_OBJECTS = {{"{class_name}": {class_name}}}, and set '
        '[model] custom_objects = "model.py:CUSTOM_OBJECTS" if the model comes from a file',
    )


def no_counterpart(what: str, where: str) -> ModelError:
    """The error for something of Keras 3 that Keras 2 cannot express."""
    return ModelError(
        "EP-232",
        f"{where}: {what} of Keras 3 has no counterpart in Keras 2, which the compression tools work on",
        "use a layer, function or setting that both have, or write the model with tf_keras in model.py",
    )
