"""Folding BatchNorm: at inference it is a scale and an offset per channel, which a neighbouring layer can take over exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.graph import rebuild
from edgepack.compress.keras.kernels import weight_name
from edgepack.compress.keras.layer_kinds import CONVOLUTIONS, DEPTHWISE, SEPARABLE
from edgepack.compress.keras.wiring import Wiring
from edgepack.sources.keras.frameworks import import_tf_keras

Values = NDArray[np.float32]

# A scale and an offset per channel can be moved through these: they average, or do nothing at inference. Average pooling leaves
# padding out of its averages.
_LINEAR = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout"}
) | {f"{which}AveragePooling{size}D" for which in ("", "Global") for size in (1, 2, 3)}


@dataclass
class Folded:
    """What was done with each BatchNorm: `backward` and `forward` give the layer that took it over, `made` those that became
    depthwise convolutions, `left` why others stayed."""

    backward: dict[str, str] = field(default_factory=dict)
    forward: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def fold_batch_norm(model: Any, every: bool = True, depthwise: bool = True) -> tuple[Any, Folded]:
    """A new model without BatchNorm layers where they can be folded, and what became of each.

    One behind a convolution or dense layer goes into it, also through average pooling. One before a dense layer or a convolution
    goes into that, if padding does not mix zeros in: those would not have been scaled and moved. What stands alone between images
    becomes a 1x1 depthwise convolution with `depthwise`, which converters and aware training know. Without `every`, those
    directly behind a convolution or dense layer are left to the converter.
    """
    wiring = Wiring(model)
    plan = _Plan(model)
    done = Folded()
    for node in wiring.nodes:
        layer = node.layer
        if type(layer).__name__ != "BatchNormalization":
            continue
        rank = len(node.keras_inputs[0].shape)
        axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
        if len(wiring.calls(layer)) > 1:
            done.left[layer.name] = "used more than once"
        elif axis not in (-1, rank - 1):
            done.left[layer.name] = "normalises another axis than the channels"
        elif wiring.is_output(node):
            done.left[layer.name] = "is an output of the model"
        else:
            _fold(wiring, plan, node, done, every, depthwise and rank == 4)
    return plan.build(), done


def affine(layer: Any) -> tuple[Values, Values]:
    """Scale and offset of a BatchNorm layer at inference (Ioffe and Szegedy 2015, algorithm 2)."""
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    scale = 1 / np.sqrt(variance.astype(np.float64) + layer.epsilon)
    if layer.gamma is not None:
        scale = scale * layer.gamma.numpy()
    offset = -mean * scale + (0 if layer.beta is None else layer.beta.numpy())
    return scale.astype(np.float32), offset.astype(np.float32)


class _Plan:
    """New weights and configurations of layers, and the BatchNorm layers that go or become something else."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._weights: dict[str, dict[str, Values]] = {}
        self._gone: set[str] = set()
        self._made: dict[str, tuple[Values, Values]] = {}

    def leave_out(self, layer: Any) -> None:
        self._gone.add(layer.name)

    def make_depthwise(self, layer: Any) -> None:
        self._made[layer.name] = affine(layer)

    def is_gone(self, layer: Any) -> bool:
        return layer.name in self._gone

    def weights(self, layer: Any) -> dict[str, Values]:
        """The weights of a layer by name, to be changed; "bias" is always there."""
        if layer.name not in self._weights:
            found = {weight_name(variable): variable.numpy() for variable in layer.weights}
            found.setdefault("bias", np.zeros(layer.compute_output_shape(layer.input_shape)[-1], dtype=np.float32))
            self._weights[layer.name] = found
        return self._weights[layer.name]

    def build(self) -> Any:
        keras = import_tf_keras()
        weights: dict[str, list[Values]] = {}

        def make(layer: Any) -> Any:
            name = layer.name
            if name in self._gone:
                return None
            if name in self._made:
                scale, offset = self._made[name]
                weights[name] = [scale.reshape(1, 1, -1, 1), offset]
                return keras.layers.DepthwiseConv2D(1, name=name, trainable=layer.trainable)
            config = layer.get_config()
            weights[name] = layer.get_weights()
            if name in self._weights:
                config["use_bias"] = True
                order = [weight_name(variable) for variable in layer.weights]
                found = self._weights[name]
                weights[name] = [found[key] for key in dict.fromkeys([*order, "bias"])]
            return layer.__class__.from_config(config)

        return rebuild(self._model, make, weights)


def _fold(wiring: Wiring, plan: _Plan, node: Any, done: Folded, every: bool, depthwise: bool) -> None:
    layer = node.layer
    scale, offset = affine(layer)
    maker, passed = _maker(wiring, plan, node)
    if maker is not None and not passed and not every:
        done.left[layer.name] = "the converter folds them"
        return
    if maker is not None:
        _scale_outputs(plan.weights(maker), type(maker).__name__, scale, offset)
        plan.leave_out(layer)
        done.backward[layer.name] = maker.name
        return
    reader, repeats = _reader(wiring, node)
    if reader is not None and (_exact_at_borders(reader) or not offset.any()):
        _scale_inputs(plan.weights(reader), type(reader).__name__, np.tile(scale, repeats), np.tile(offset, repeats))
        plan.leave_out(layer)
        done.forward[layer.name] = reader.name
    elif depthwise:
        plan.make_depthwise(layer)
        done.made.append(layer.name)
    else:
        done.left[layer.name] = "no layer beside it can take it over exactly"


def _maker(wiring: Wiring, plan: _Plan, node: Any) -> tuple[Any, bool]:
    """The linear layer whose results reach a BatchNorm alone, and whether they pass through another layer on the way."""
    passed = False
    before = wiring.before(node)
    while before is not None and (type(before.layer).__name__ in _LINEAR or plan.is_gone(before.layer)):
        passed = passed or not plan.is_gone(before.layer)
        before = wiring.before(before)
    return (
        (before.layer, passed)
        if before is not None and _takes_over(wiring, before) and _is_linear(before.layer)
        else (None, False)
    )


def _reader(wiring: Wiring, node: Any) -> tuple[Any, int]:
    """The layer that alone reads a BatchNorm's results, and how often a flattening on the way repeats each channel."""
    repeats = 1
    after = wiring.after(node)
    while after is not None and (type(after.layer).__name__ in _LINEAR or type(after.layer).__name__ == "Flatten"):
        if type(after.layer).__name__ == "Flatten":
            repeats = int(np.prod(after.keras_inputs[0].shape[1:-1], initial=1))
        after = wiring.after(after)
    return (after.layer, repeats) if after is not None and _takes_over(wiring, after) else (None, 1)


def _takes_over(wiring: Wiring, node: Any) -> bool:
    """Whether the kernel of a layer may be changed: of a known kind, called once, not grouped."""
    kind = type(node.layer).__name__
    known = kind in CONVOLUTIONS | DEPTHWISE | SEPARABLE | {"Dense"}
    ordinary = getattr(node.layer, "groups", 1) == 1 and getattr(node.layer, "data_format", "channels_last") == "channels_last"
    return known and ordinary and len(wiring.calls(node.layer)) == 1


def _is_linear(layer: Any) -> bool:
    return getattr(layer.activation, "__name__", "") == "linear"


def _exact_at_borders(layer: Any) -> bool:
    """Whether every product of a kernel is with a value of the input, none with padding."""
    return type(layer).__name__ == "Dense" or (layer.padding == "valid" and not type(layer).__name__.endswith("Transpose"))


def _scale_outputs(weights: dict[str, Values], kind: str, scale: Values, offset: Values) -> None:
    if kind in DEPTHWISE:
        kernel = weights["depthwise_kernel"]
        weights["depthwise_kernel"] = kernel * scale.reshape(kernel.shape[-2:])
    elif kind.endswith("Transpose"):
        weights["kernel"] = weights["kernel"] * scale[:, None]
    else:
        name = "pointwise_kernel" if kind in SEPARABLE else "kernel"
        weights[name] = weights[name] * scale
    weights["bias"] = weights["bias"] * scale + offset


def _scale_inputs(weights: dict[str, Values], kind: str, scale: Values, offset: Values) -> None:
    name = "depthwise_kernel" if kind in DEPTHWISE | SEPARABLE else "kernel"
    kernel = weights[name]
    if kind.endswith("Transpose"):
        weights[name] = kernel * scale  # only for an offset of zero, see `_exact_at_borders`
        return
    weights[name] = kernel * scale[:, None]
    moved = (kernel * offset[:, None]).sum(axis=tuple(range(kernel.ndim - 2)), dtype=np.float64)
    if kind in DEPTHWISE:
        added = moved.reshape(-1)
    elif kind in SEPARABLE:
        added = moved.reshape(-1) @ weights["pointwise_kernel"].reshape(-1, weights["bias"].size)
    else:
        added = moved.sum(axis=0)
    weights["bias"] = (weights["bias"] + added).astype(np.float32)
