"""TF-MOT quantizers and quantize configs of our own: weights by output channel in any layer, with few bits, and outputs.

TF-MOT's classes only exist once it has been imported, so these are made on first use.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from edgepack.compress.keras.kernels import SCALE, wrapped_layer
from edgepack.compress.keras.models import import_tfmot
from edgepack.compress.quantization.lowbit import Grid, fitting_scales, round_to
from edgepack.sources.keras.frameworks import import_tf_keras

# Where the converter takes a scale for each output channel from a FakeQuant operator. It moves other kernels through a
# transposition, in which it loses the axis; there it finds the scales itself, from the rounded weights.
_FAKE_QUANT = {("Conv2D", "kernel"), ("DepthwiseConv2D", "depthwise_kernel"), ("Dense", "kernel")}

_FAINTEST = 1e-4  # of the largest factor of a BatchNorm
_OCTAVES = 6.0  # that an int8 scale may lie below the largest of its kernel: channels beyond are nearly nothing


def kernel_names(layer: Any) -> list[str]:
    """The attributes of a layer that hold its kernels."""
    return [name for name in ("depthwise_kernel", "pointwise_kernel", "kernel") if getattr(layer, name, None) is not None]


@cache
def classes() -> SimpleNamespace:
    """`KernelQuantizer` and `LayerConfig`.

    A LayerConfig fake-quantizes a layer's kernels to a `grid` (with trained scales when `learned`), and its activation and output
    as `inner` says; without an `inner`, its output when `quantize_output` is true.

    A KernelQuantizer rounds straight-through (Bengio et al. 2013). Trained scales are one per output channel, one per kernel for
    Dense layers, whose axis the converter loses; their gradient is that of learned step size quantization (Esser
    et al. 2020, equation 3). The logarithm is trained, so that an optimiser's step changes a scale by a share of it; one for the
    whole kernel where the grid's scales hang together. With a rate, the gradient is that of the loss and the rate times the bits
    of an entropy code: those of a level follow from how many weights are at it now (its sign aside), and between levels they are
    interpolated.
    """
    import_tfmot()
    import tensorflow as tf
    from tensorflow_model_optimization.python.core.quantization.keras import quantize_config, quantizers, utils
    from tensorflow_model_optimization.python.core.quantization.keras.quantizers import MovingAverageQuantizer

    keras = import_tf_keras()

    class KernelQuantizer(quantizers.Quantizer):  # type: ignore[misc]
        """Rounds a kernel to a grid."""

        def __init__(self, kind: str, name: str, grid: Grid, learned: bool) -> None:
            self.kind, self.name, self.grid, self.learned = kind, name, grid, learned
            self.norm: Any = None  # the BatchNorm whose factors the scales hang together with, while training
            self.fake = (kind, name) in _FAKE_QUANT
            self.whole = kind == "Dense"

        def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
            count = 1 if self.whole else _channels(self.kind, self.name, tuple(tensor_shape))
            free = count if self.grid.scales == "channel" else 1
            ones, zeros = keras.initializers.Constant(1.0), keras.initializers.Constant(0.0)
            if not self.learned:
                if self.grid.scales == "channel":
                    return {}
                return {"limits": layer.add_weight(f"{name}_{SCALE}_limits", shape=(count,), initializer=ones, trainable=False)}
            return {
                "base": layer.add_weight(f"{name}_{SCALE}_base", shape=(count,), initializer=ones, trainable=False),
                "log": layer.add_weight(f"{name}_{SCALE}", shape=(free,), initializer=zeros, trainable=True),
            }

        def __call__(self, inputs: Any, training: Any, weights: dict[str, Any], **_: Any) -> Any:
            rows = self.columns(inputs)
            if self.learned:
                scales = weights["base"] * tf.exp(weights["log"]) / self.gain()
            else:
                scales = self.limits(rows, training, weights) / self.grid.levels
            ratio = rows / scales
            inside = tf.clip_by_value(ratio, -self.grid.levels, self.grid.levels) if self.learned else ratio
            level = tf.where(inside >= 0, tf.ones_like(inside), -tf.ones_like(inside)) if self.grid.binary else tf.round(inside)
            if self.grid.rate and training is not False:
                inside = self.charged(inside, tf.abs(level))
            rounded = (inside + tf.stop_gradient(level - inside)) * scales
            # FakeQuant would change nothing, but its gradient is zero where a rounding error puts a weight beyond its limit.
            if self.fake and training is False:
                rounded = self.named(rounded, scales * (127 / self.grid.step))
            return self.restored(rounded, inputs)

        def gain(self) -> Any:
            """What the BatchNorm behind multiplies each channel by at inference, without sign; 1 where there is none."""
            if self.norm is None:
                return 1.0
            factors = tf.math.rsqrt(self.norm.moving_variance + self.norm.epsilon)
            factors = tf.abs(factors * self.norm.gamma if self.norm.scale else factors)
            return tf.stop_gradient(tf.maximum(factors, _FAINTEST * tf.reduce_max(factors)))

        def limits(self, rows: Any, training: Any, weights: dict[str, Any]) -> Any:
            """What the codes of each channel have to reach: its largest weight, or more where scales hang together."""
            axis = None if self.whole else list(range(len(rows.shape) - 1))
            sizes = tf.stop_gradient(tf.reshape(tf.maximum(tf.reduce_max(tf.abs(rows), axis=axis), 1e-12), [-1]))
            if "limits" not in weights:
                return sizes
            if training is False:
                return weights["limits"]  # a constant for the converter, which computes no logarithms
            sizes *= self.gain()
            most = tf.reduce_max(sizes)
            octaves = tf.floor(tf.math.log(most / sizes) / np.log(2.0)) if self.grid.scales == "octaves" else tf.zeros_like(sizes)
            limits = most * tf.pow(2.0, -tf.minimum(octaves, _OCTAVES)) / self.gain()
            weights["limits"].assign(limits)
            return limits

        def charged(self, inside: Any, sizes: Any) -> Any:
            """`inside` as it is, with the gradient of what its bits cost added to its own."""
            counts = tf.reduce_sum(tf.one_hot(tf.cast(tf.reshape(sizes, [-1]), tf.int32), self.grid.levels + 1), axis=0) + 1.0
            both_signs = tf.constant([1.0] + [2.0] * self.grid.levels)
            bits = -tf.math.log(counts / both_signs / tf.reduce_sum(counts)) / np.log(2.0)
            rise = tf.maximum(bits[1:] - bits[:-1], 0.0)
            below = tf.minimum(tf.cast(tf.abs(inside), tf.int32), self.grid.levels - 1)
            slope = tf.stop_gradient(self.grid.rate * tf.gather(rise, below) * tf.sign(inside))

            @tf.custom_gradient  # type: ignore[untyped-decorator]
            def same(values: Any) -> Any:
                return tf.identity(values), lambda upstream: upstream + slope

            return same(inside)

        def named(self, rounded: Any, limits: Any) -> Any:
            """`rounded` by way of the operator that tells the converter the scales."""
            if self.whole:
                limit = tf.reshape(limits, [])
                return tf.quantization.fake_quant_with_min_max_vars(rounded, -limit, limit, narrow_range=True)
            by_channel = tf.quantization.fake_quant_with_min_max_vars_per_channel
            return by_channel(rounded, -limits, limits, narrow_range=True)

        def columns(self, kernel: Any) -> Any:
            """The kernel with its output channels last."""
            if self.kind.endswith("Transpose"):
                return tf.transpose(kernel, _swapped(len(kernel.shape)))
            if self.name == "depthwise_kernel":
                shape = kernel.shape
                return tf.reshape(kernel, (*shape[:-2], shape[-2] * shape[-1]))
            return kernel

        def restored(self, columns: Any, kernel: Any) -> Any:
            if self.kind.endswith("Transpose"):
                return tf.transpose(columns, _swapped(len(kernel.shape)))
            return tf.reshape(columns, kernel.shape) if self.name == "depthwise_kernel" else columns

        def get_config(self) -> dict[str, Any]:
            return {"kind": self.kind, "name": self.name, "grid": asdict(self.grid), "learned": self.learned}

    class LayerConfig(quantize_config.QuantizeConfig):  # type: ignore[misc]
        """What of a layer is fake-quantized."""

        def __init__(
            self, grid: dict[str, Any] | None = None, learned: bool = False, quantize_output: bool = False, inner: Any = None
        ) -> None:
            self.grid, self.learned, self.inner = Grid(**(grid or {"levels": 127})), learned, inner
            # TF-MOT turns this off by its name where a concatenation follows, which has one range for all of its inputs.
            self.quantize_output = quantize_output

        def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Any]]:
            kind = type(layer).__name__
            return [(getattr(layer, name), KernelQuantizer(kind, name, self.grid, self.learned)) for name in kernel_names(layer)]

        def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
            for name, weight in zip(kernel_names(layer), quantize_weights, strict=True):
                setattr(layer, name, weight)

        def get_activations_and_quantizers(self, layer: Any) -> Any:
            return self.inner.get_activations_and_quantizers(layer) if self.inner is not None else []

        def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
            if self.inner is not None:
                self.inner.set_quantize_activations(layer, quantize_activations)

        def get_output_quantizers(self, layer: Any) -> Any:
            if self.inner is not None:
                return self.inner.get_output_quantizers(layer)
            moving = MovingAverageQuantizer(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
            return [moving] if self.quantize_output else []

        def get_config(self) -> dict[str, Any]:
            inner = None if self.inner is None else utils.serialize_keras_object(self.inner)
            return {"grid": asdict(self.grid), "learned": self.learned, "quantize_output": self.quantize_output, "inner": inner}

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            inner = config.get("inner")
            return cls(**{**config, "inner": None if inner is None else utils.deserialize_keras_object(inner)})

    return SimpleNamespace(KernelQuantizer=KernelQuantizer, LayerConfig=LayerConfig)


def custom_objects() -> dict[str, Any]:
    """What Keras must know by name to open a model that was trained with these."""
    return {"LayerConfig": classes().LayerConfig}


@contextmanager
def unrounded() -> Iterator[None]:
    """While the block runs, our quantizers let kernels through as they are."""
    kind = classes().KernelQuantizer
    original = kind.__call__
    kind.__call__ = lambda self, inputs, *_, **__: inputs
    try:
        yield
    finally:
        kind.__call__ = original


def fit_scales(model: Any) -> None:
    """Give every trained scale of a wrapped model the value that fits its kernel best, and int8 codes their limits.

    Scales that differ by powers of two do so after the BatchNorm behind the layer: from here until `settle` they follow it.
    """
    _follow_norms(model)
    _fit_limits(model)
    for variable, quantizer, scales in _learned(model):
        scales["base"].assign(fitting_scales(_rows(quantizer, variable) * _gains(quantizer), quantizer.grid)[:, 0])
        scales["log"].assign(np.zeros(scales["log"].shape, np.float32))


def settle(model: Any) -> dict[str, int]:
    """Set every kernel with trained scales to its rounded weights, which rounding does not move again.

    Returns the number of codes that each such layer may have.
    """
    _fit_limits(model)
    allowed = {}
    for variable, quantizer, scales in _learned(model):
        scale = (scales["base"] * np.exp(scales["log"].numpy())).numpy()[:, None] / _gains(quantizer)
        scales["base"].assign(scale[:, 0])
        scales["log"].assign(np.zeros(scales["log"].shape, np.float32))
        rounded = round_to(_rows(quantizer, variable), scale, quantizer.grid)
        shape = quantizer.columns(variable).shape
        columns = rounded.T.reshape(shape) if not quantizer.whole else rounded.reshape(shape)
        variable.assign(quantizer.restored(columns, variable))
        allowed[quantizer.layer] = quantizer.grid.codes
    for _, quantizer, _ in _weights(model):
        quantizer.norm = None
    return allowed


def _fit_limits(model: Any) -> None:
    """Let int8 codes whose scales hang together reach the largest weight of each channel."""
    for variable, quantizer, weights in _weights(model):
        if "limits" in weights:
            gains = _gains(quantizer)
            sizes = np.maximum(np.abs(_rows(quantizer, variable) * gains).max(axis=1), np.float32(1e-12))
            octaves = np.floor(np.log2(sizes.max() / sizes)) if quantizer.grid.scales == "octaves" else np.zeros_like(sizes)
            weights["limits"].assign(sizes.max() * np.exp2(-np.minimum(octaves, _OCTAVES)) / np.ravel(gains))


def _follow_norms(model: Any) -> None:
    """Tell quantizers whose scales are to differ by powers of two of the BatchNorm that the converter folds into the layer."""
    layers = {wrapped_layer(layer).name: layer for layer in model.layers}
    known = {id(layer) for layer in model.layers}
    for _, quantizer, _ in _weights(model):
        behind = [node.layer for node in layers[quantizer.layer]._outbound_nodes if id(node.layer) in known]
        norm = wrapped_layer(behind[0]) if len(behind) == 1 else None
        suits = quantizer.grid.scales == "octaves" and quantizer.fake and not quantizer.whole
        if suits and type(norm).__name__ == "BatchNormalization":
            quantizer.norm = norm


def _gains(quantizer: Any) -> Any:
    """`KernelQuantizer.gain` of each row, (n, 1), or 1."""
    return np.float32(1) if quantizer.norm is None else quantizer.gain().numpy()[:, None]


def _learned(model: Any) -> list[tuple[Any, Any, Any]]:
    return [found for found in _weights(model) if "base" in found[2]]


def _weights(model: Any) -> list[tuple[Any, Any, Any]]:
    """Kernels with a quantizer of ours that has weights of its own: variable, quantizer, those weights."""
    found = []
    for layer in model.layers:
        for variable, quantizer, weights in getattr(layer, "_weight_vars", []):
            if weights and ("base" in weights or "limits" in weights):
                quantizer.layer = wrapped_layer(layer).name
                found.append((variable, quantizer, weights))
    return found


def _rows(quantizer: Any, variable: Any) -> Any:
    """The weights that share a scale, a row each."""
    columns = np.asarray(quantizer.columns(variable))
    return columns.reshape(1, -1) if quantizer.whole else np.ascontiguousarray(columns.reshape(-1, columns.shape[-1]).T)


def _channels(kind: str, name: str, shape: tuple[int, ...]) -> int:
    if name == "depthwise_kernel":
        return shape[-2] * shape[-1]
    return shape[-2] if kind.endswith("Transpose") else shape[-1]


def _swapped(rank: int) -> list[int]:
    """The order of axes that exchanges the last two."""
    return [*range(rank - 2), rank - 1, rank - 2]
