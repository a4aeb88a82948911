"""Bringing a Keras model into the one form that every step works on: flat, functional, of known shape, without loops.

TF-MOT refuses models within models, and a converter cannot calibrate what runs inside of a loop, so nested models are put in
line and recurrent layers are unrolled. Weights and results stay the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from edgepack.compress.keras.wiring import Wiring
from edgepack.ground.errors import RecipeError
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.own_layers import copied

# An unrolled time step costs a dozen operators; beyond this the file would be mostly operators.
LONGEST_UNROLL = 256

Shape = tuple[int, ...]


def flat_model(model: Any, shapes: Sequence[Shape]) -> tuple[Any, list[str]]:
    """`model` as a flat functional model whose inputs have `shapes` (without the batch), and notes on what was changed.

    The new model shares the layers of `model`, which is used up.

    Raises:
        RecipeError: EP-411 for a subclassed model, a Lambda layer, or a sequence too long to unroll.
    """
    keras = import_tf_keras()
    notes: list[str] = []
    if not isinstance(model, keras.Sequential) and not getattr(model, "_is_graph_network", False):
        raise RecipeError(
            "EP-411",
            f"the model {model.name} is subclassed: its layers are connected by Python code that no step can follow",
            "build the model with the functional API: Model(inputs, outputs)",
        )
    nested = [layer.name for layer in model.layers if isinstance(layer, keras.Model)]
    inputs = [
        keras.Input(shape, name=name, dtype=tensor.dtype)
        for shape, name, tensor in zip(shapes, model.input_names, model.inputs, strict=True)
    ]
    opened = [
        f"{name} {' x '.join(map(str, shape))}"
        for name, shape, tensor in zip(model.input_names, shapes, model.inputs, strict=True)
        if None in tensor.shape[1:]
    ]
    if opened:
        notes.append(f"open sizes fixed at those of the data: {', '.join(opened)}")
    stateful = _without_state(model)
    if stateful:
        notes.append(f"every example begins with a fresh state, although stateful = True: {', '.join(stateful)}")
    renamer = _Renamer([*model.input_names, *(layer.name for layer in model.layers)])
    outputs = _replay(model, inputs, renamer, "")
    flat = keras.Model(inputs, outputs, name=model.name)
    if nested:
        notes.append(f"nested models put in line: {', '.join(nested)}")
    lambdas = [layer.name for layer in flat.layers if isinstance(layer, keras.layers.Lambda)]
    if lambdas:
        raise RecipeError(
            "EP-411",
            f"layer {lambdas[0]} is a Lambda, whose Python code cannot be stored or compressed reliably",
            "use a built-in layer, or write a Layer class in model.py and list it in CUSTOM_OBJECTS",
        )
    flat, unrolled = _unroll(flat)
    if unrolled:
        notes.append(f"recurrent layers unrolled, so that they can be quantized: {', '.join(unrolled)}")
    return flat, notes


class _Renamer:
    """Gives layers of nested models names that are unique in the flat model; the outermost layers keep theirs."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)
        self._named: set[int] = set()

    def settle(self, layer: Any, prefix: str) -> None:
        if not prefix or id(layer) in self._named:
            return
        self._named.add(id(layer))
        name, number = layer.name, 1
        while name in self._taken:
            name = f"{prefix}_{layer.name}" if number == 1 else f"{prefix}_{layer.name}_{number}"
            number += 1
        if name != layer.name:
            layer._name = name
        self._taken.add(name)


def _replay(model: Any, inputs: list[Any], renamer: _Renamer, prefix: str) -> list[Any]:
    """Call the layers of a functional or sequential model on new inputs, stepping into nested models."""
    keras = import_tf_keras()
    inner = model
    if isinstance(model, keras.Sequential):
        # A sequential model that was built carries its functional twin's nodes.
        if not model.inputs:
            raise RecipeError("EP-411", f"the model {model.name} has no input shape", "give its first layer an input_shape")
        inner = keras.Model(model.inputs, model.outputs)
    tensors = {id(old): new for old, new in zip(inner.inputs, inputs, strict=True)}
    # Keras keeps the calls of a functional model by depth; replaying them is what clone_model does.
    depths = sorted(inner._nodes_by_depth, reverse=True)
    for node in (node for depth in depths for node in inner._nodes_by_depth[depth]):
        if node.is_input:
            continue
        args, kwargs = _replace(node.call_args, tensors), _replace(node.call_kwargs, tensors)
        layer = node.layer
        if isinstance(layer, keras.Model):
            given = keras.utils.unpack_x_y_sample_weight(args)[0] if len(args) == 1 else args
            flat_inputs = list(given) if isinstance(given, list | tuple) else [given]
            results = _replay(layer, flat_inputs, renamer, f"{prefix}_{layer.name}" if prefix else layer.name)
        else:
            renamer.settle(layer, prefix)
            results = layer(*args, **kwargs)
        flat = list(results) if isinstance(results, list | tuple) else [results]
        old = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
        tensors.update({id(before): after for before, after in zip(old, flat, strict=True)})
    return [tensors[id(output)] for output in inner.outputs]


def rebuild(model: Any, make: Callable[[Any], Any], weights: Mapping[str, Sequence[Any]]) -> Any:
    """A flat `model` with other layers in the places of its own; shares nothing with it.

    `make` is asked once for each layer but the inputs, and gives the layer to put there, or None to leave it out (what enters it
    then leaves it). `weights` are those of the new layers, by their names; layers that are not in it must have none.
    """
    keras = import_tf_keras()
    tensors = {
        id(old): keras.Input(old.shape[1:], name=name, dtype=old.dtype)
        for old, name in zip(model.inputs, model.input_names, strict=True)
    }
    inputs = list(tensors.values())
    made: dict[int, Any] = {}
    depths = sorted(model._nodes_by_depth, reverse=True)
    for node in (node for depth in depths for node in model._nodes_by_depth[depth]):
        if node.is_input:
            continue
        layer = node.layer
        if id(layer) not in made:
            made[id(layer)] = make(layer)
        old = node.outputs if isinstance(node.outputs, list | tuple) else [node.outputs]
        if made[id(layer)] is None:
            tensors[id(old[0])] = tensors[id(node.keras_inputs[0])]
            continue
        results = made[id(layer)](*_replace(node.call_args, tensors), **_replace(node.call_kwargs, tensors))
        new = list(results) if isinstance(results, list | tuple) else [results]
        tensors.update({id(before): after for before, after in zip(old, new, strict=True)})
    rebuilt = keras.Model(inputs, [tensors[id(output)] for output in model.outputs], name=model.name)
    for layer in made.values():
        if layer is not None and layer.weights:
            layer.set_weights([*weights[layer.name]])
    return rebuilt


def _replace(value: Any, tensors: dict[int, Any]) -> Any:
    """`value` with every known tensor in it exchanged."""
    if id(value) in tensors:
        return tensors[id(value)]
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(_replace(item, tensors) for item in value)
    if isinstance(value, dict):
        return {key: _replace(item, tensors) for key, item in value.items()}
    return value


def _unroll(model: Any) -> tuple[Any, list[str]]:
    """The model with its recurrent layers' loops written out, and the names of those layers."""
    keras = import_tf_keras()
    changed: list[str] = []
    wiring = Wiring(model)

    def clone(layer: Any) -> Any:
        config = layer.get_config()
        if not _set_unroll(config):
            return copied(layer)
        if any(type(part).__name__.startswith("ConvLSTM") for part in layer._flatten_layers()):
            raise RecipeError(
                "EP-411",
                f"layer {layer.name} is a convolutional LSTM, whose loop over time steps Keras cannot write out for quantization",
                "use Conv3D, TimeDistributed convolutions before an LSTM, or Conv2D with the time steps as channels",
            )
        # The layer may have been called by another model before, with another shape.
        steps = wiring.calls(layer)[0].keras_inputs[0].shape[1]
        if steps is None or steps > LONGEST_UNROLL:
            raise RecipeError(
                "EP-411",
                f"layer {layer.name} runs over {steps or 'an unknown number of'} time steps, too many to unroll for quantization",
                f"give the model's input a fixed length of at most {LONGEST_UNROLL} steps",
            )
        changed.append(layer.name)
        return copied(layer, config)

    if not any(_set_unroll(layer.get_config()) for layer in model.layers):
        return model, []
    rolled = keras.models.clone_model(model, clone_function=clone)
    rolled.set_weights(model.get_weights())
    return rolled, changed


def _without_state(model: Any) -> list[str]:
    """Turn off `stateful` wherever a layer has it on, and return the names of these layers."""
    found = [layer for layer in model._flatten_layers(include_self=False) if getattr(layer, "stateful", False)]
    for layer in found:
        layer.stateful = False
    return [layer.name for layer in found]


def _set_unroll(config: Any) -> bool:
    """Turn on `unroll` wherever a layer's configuration, or that of a layer wrapped in it, has it off."""
    if not isinstance(config, dict):
        return False
    found = config.get("unroll") is False
    if found:
        config["unroll"] = True
    inner = [_set_unroll(value.get("config", value)) for value in config.values() if isinstance(value, dict)]
    return found or any(inner)
