"""Putting factors in a layer's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.low_rank.factors import Method, factors
from edgepack.compress.low_rank.plan import Choice
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.own_layers import copied


def factorised(model: Any, chosen: Mapping[str, Choice]) -> Any:
    """A copy of a flat model with factors in place of the chosen layers; the last one bears a layer's name, bias and activation.

    The model's calls are replayed: `clone_model` puts one layer in the place of one, and a Sequential of factors would be a model
    within a model.
    """
    keras = import_tf_keras()
    import tensorflow as tf

    made: dict[str, list[Any]] = {}
    weights: list[tuple[Any, list[NDArray[Any]]]] = []
    for layer in model.layers:
        if layer.name in chosen:
            parts = factors(layer.kernel.numpy(), chosen[layer.name].method, chosen[layer.name].ranks)
            chain = layer_chain(layer, chosen[layer.name].method, parts)
            weights += [(factor, [part]) for factor, part in zip(chain, parts, strict=True)]
            weights[-1][1].extend(layer.get_weights()[1:])
        else:
            chain = [copied(layer)]
            weights.append((chain[0], layer.get_weights()))
        made[layer.name] = chain
    inputs = [
        keras.Input(tensor.shape[1:], name=name, dtype=tensor.dtype)
        for tensor, name in zip(model.inputs, model.input_names, strict=True)
    ]
    tensors = {id(old): new for old, new in zip(model.inputs, inputs, strict=True)}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in (node for node in model._nodes_by_depth[depth] if not node.is_input):
            args, kwargs = tf.nest.map_structure(lambda value: tensors.get(id(value), value), (node.call_args, node.call_kwargs))
            first, *others = made[node.layer.name]
            results = first(*args, **kwargs)
            for factor in others:
                results = factor(results)
            pairs = zip(tf.nest.flatten(node.outputs), tf.nest.flatten(results), strict=True)
            tensors.update({id(old): new for old, new in pairs})
    small = keras.Model(inputs, [tensors[id(output)] for output in model.outputs], name=model.name)
    for layer, values in weights:
        if values:
            layer.set_weights(values)
    return small


def layer_chain(layer: Any, method: Method, parts: tuple[NDArray[np.float32], ...]) -> list[Any]:
    """The layers for the factors of `layer`, not built yet, in the order in which they run."""
    suffixes = ("in", "core") if method == "tucker" else ("in",)
    names = [*(f"{layer.name}_{suffix}" for suffix in suffixes), layer.name]
    return [_factor(layer, method, place, name, part) for place, (name, part) in enumerate(zip(names, parts, strict=True))]


def _factor(layer: Any, method: Method, place: int, name: str, kernel: NDArray[np.float32]) -> Any:
    config = {key: value for key, value in layer.get_config().items() if key != "batch_input_shape"}
    last = name == layer.name
    config |= {"name": name, "kernel_constraint": None, "kernel_initializer": "zeros"}
    if not last:
        config |= {"use_bias": False, "activation": "linear", "activity_regularizer": None, "bias_regularizer": None}
    if "units" in config:
        return layer.__class__.from_config({**config, "units": kernel.shape[-1]})
    config |= {"filters": kernel.shape[-1], "kernel_size": kernel.shape[:-2]}
    rank = kernel.ndim - 2
    # Which axes a factor steps along: where the whole kernel's taps are.
    steps = {"svd": ((1,) * rank, (0,) * rank), "spatial": ((1, 0), (0, 1)), "tucker": ((0, 0), (1, 1), (0, 0))}[method][place]
    for option in ("strides", "dilation_rate"):
        config[option] = tuple(size if steps[axis] else 1 for axis, size in enumerate(config[option]))
    if not any(steps) and config["padding"] == "causal":
        config["padding"] = "valid"
    return layer.__class__.from_config(config)
