"""The step `equalize`: cross-layer equalisation (Nagel et al. 2019, arXiv:1906.04721, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edgepack.compress.folding.fold_batchnorm import fold_batch_norm
from edgepack.compress.keras.kernels import weight_name
from edgepack.compress.keras.wiring import Wiring
from edgepack.compress.technique import WithoutTraining
from edgepack.compress.work import Structure, Work
from edgepack.sources.keras.frameworks import import_tf_keras

_CONVOLUTIONS = ("Conv1D", "Conv2D", "DepthwiseConv2D", "Dense")
# Layers f with f(s x) = s f(x) for s > 0 that keep channels apart and in place.
_PASSES = (
    "ReLU",
    "LeakyReLU",
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "Cropping2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "UpSampling2D",
    "Flatten",
)
_SETTLED = 1e-3
_ROUNDS = 50
# Scales beyond this would turn rounding errors of float32 into channels.
_LARGEST_SCALE = 1e4

Values = NDArray[Any]


@dataclass(frozen=True)
class Pair:
    """Layers between which channels may be scaled, by name; input i of the second is channel `i mod channels` of the first."""

    first: str
    second: str
    channels: int


class Equalize(WithoutTraining):
    """Scale channels so that each has the same range of weights before and after it; the model computes the same."""

    name: ClassVar[str] = "equalize"
    title: ClassVar[str] = "Equalizing"
    version: ClassVar[int] = 1
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros"})

    relu6: Literal["leave", "relu"] = Field(
        default="leave", description="leave layers around a ReLU6 as they are, or make it a ReLU first, which changes the results"
    )

    @property
    def label(self) -> str:
        """For example "equalize"."""
        return "equalize"

    def apply(self, model: Any, work: Work) -> Any:
        """A new model with BatchNorm folded and its channels scaled."""
        if self.relu6 == "relu":
            model, changed = _without_relu6(model)
            work.note_layers("ReLU6 made a ReLU", changed, "so that channels can be scaled; compare the metrics")
        folded, _ = fold_batch_norm(model, True, False)
        pairs, bounded = find_pairs(folded)
        work.note_layers("not equalized beyond", bounded, 'ReLU6 has a fixed bound; relu6 = "relu" makes it a ReLU')
        if not pairs:
            work.note("nothing to equalize: no two layers with only ReLUs between them")
            return model
        largest = equalize(folded, pairs)
        names = [f"{pair.first} with {pair.second}" for pair in pairs]
        work.note_layers("equalized", names, f"scales from {1 / largest:.3g} to {largest:.3g}")
        return folded


def find_pairs(model: Any) -> tuple[list[Pair], list[str]]:
    """The pairs of a flat model without BatchNorm, in the order of computation, and the ReLU6 layers that keep others apart.

    Both layers are called once, only the second reads the first, and between them are only functions with f(s x) = s f(x).
    """
    wiring = Wiring(model)
    pairs, bounded = [], []
    for node in wiring.nodes:
        layer = node.layer
        if node.is_input or not _scalable(wiring, layer):
            continue
        kind = _homogeneous(layer)
        after = node
        while kind == "yes" and (after := wiring.after(after)) is not None:
            if _scalable(wiring, after.layer):
                break
            kind = _homogeneous(after.layer) if len(wiring.calls(after.layer)) == 1 else "no"
        if kind == "bound":
            bounded.append((after if after is not None else node).layer.name)
        elif kind == "yes" and after is not None and not _grouped(after.layer):
            channels = int(node.outputs.shape[-1])
            pairs.append(Pair(layer.name, after.layer.name, channels))
    return pairs, bounded


def equalize(model: Any, pairs: list[Pair]) -> float:
    """Scale the weights of `model` in place until each channel's two ranges agree; returns the largest scale or its inverse.

    With r1 and r2 the largest absolute weights of channel i before and after it, s = sqrt(r1 r2) / r2 (equation 11): the first
    layer's channel and bias are divided by s, the second layer's weights for it multiplied. Pairs share layers: it is repeated.
    """
    weights = {
        name: {weight_name(variable): variable.numpy() for variable in model.get_layer(name).weights}
        for pair in pairs
        for name in (pair.first, pair.second)
    }
    total = {pair: np.ones(pair.channels) for pair in pairs}
    for _ in range(_ROUNDS):
        change = 0.0
        for pair in pairs:
            first, second = weights[pair.first], weights[pair.second]
            before, after = _output_ranges(first), _input_ranges(second, pair.channels)
            alive = (before > 0) & (after > 0)
            scale = np.where(alive, np.sqrt(np.where(alive, before, 1) / np.where(alive, after, 1)), 1.0)
            scale = np.clip(total[pair] * scale, 1 / _LARGEST_SCALE, _LARGEST_SCALE) / total[pair]
            total[pair] *= scale
            _scale_outputs(first, 1 / scale)
            _scale_inputs(second, scale)
            change = max(change, float(np.abs(scale - 1).max()))
        if change < _SETTLED:
            break
    for name, values in weights.items():
        layer = model.get_layer(name)
        layer.set_weights([values[weight_name(variable)].astype(np.float32) for variable in layer.weights])
    return float(max(np.maximum(scales, 1 / scales).max() for scales in total.values()))


def _scalable(wiring: Wiring, layer: Any) -> bool:
    known = type(layer).__name__ in _CONVOLUTIONS and len(wiring.calls(layer)) == 1
    return known and getattr(layer, "data_format", "channels_last") == "channels_last"


def _grouped(layer: Any) -> bool:
    """Whether a layer's kernel does not have an input for each channel."""
    return getattr(layer, "groups", 1) != 1


def _homogeneous(layer: Any) -> Literal["yes", "bound", "no"]:
    """Whether f(s x) = s f(x) for s > 0 holds for what a layer does with its result; "bound": all but a ReLU's upper limit."""
    kind = type(layer).__name__
    if kind in _CONVOLUTIONS or kind == "Activation":
        name = getattr(layer.activation, "__name__", "")
        return "yes" if name in ("relu", "linear") else "bound" if name == "relu6" else "no"
    if kind == "ReLU":
        return "no" if float(layer.threshold or 0) else "yes" if layer.max_value is None else "bound"
    if kind == "UpSampling2D" and layer.interpolation not in ("nearest", "bilinear"):
        return "no"
    return "yes" if kind in _PASSES else "no"


def _without_relu6(model: Any) -> tuple[Any, list[str]]:
    keras = import_tf_keras()
    changed: list[str] = []

    def make(layer: Any) -> Any:
        config = layer.get_config()
        if type(layer).__name__ == "ReLU" and config.get("max_value") is not None:
            config["max_value"] = None
            changed.append(layer.name)
        elif config.get("activation") == "relu6":
            config["activation"] = "relu"
            changed.append(layer.name)
        return layer.__class__.from_config(config)

    opened = keras.models.clone_model(model, clone_function=make)
    opened.set_weights(model.get_weights())
    return opened, changed


def _kernel(weights: dict[str, Values]) -> str:
    return "depthwise_kernel" if "depthwise_kernel" in weights else "kernel"


def _output_ranges(weights: dict[str, Values]) -> Values:
    name = _kernel(weights)
    kernel = weights[name]
    columns = kernel.reshape(-1, kernel.shape[-2] * kernel.shape[-1]) if name == "depthwise_kernel" else kernel
    return np.asarray(np.abs(columns).max(axis=tuple(range(columns.ndim - 1))))


def _input_ranges(weights: dict[str, Values], channels: int) -> Values:
    kernel = weights[_kernel(weights)]
    rows = np.abs(kernel).max(axis=(*range(kernel.ndim - 2), kernel.ndim - 1))
    return np.asarray(rows.reshape(-1, channels).max(axis=0))  # several rows a channel behind a Flatten


def _scale_outputs(weights: dict[str, Values], scale: Values) -> None:
    name = _kernel(weights)
    kernel = weights[name]
    weights[name] = kernel * (scale.reshape(kernel.shape[-2:]) if name == "depthwise_kernel" else scale)
    if "bias" in weights:
        weights["bias"] = weights["bias"] * scale


def _scale_inputs(weights: dict[str, Values], scale: Values) -> None:
    name = _kernel(weights)
    kernel = weights[name]
    weights[name] = kernel * np.tile(scale, kernel.shape[-2] // len(scale))[:, None]
