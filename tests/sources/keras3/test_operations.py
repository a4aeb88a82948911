"""Each function of Keras 3 gives the same once it is expressed with Keras 2; the rest is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.frameworks import import_keras3
from edgepack.sources.keras.keras3.operations.table import OPERATIONS
from edgepack.sources.keras.keras3.rebuild import rebuild

from .agreement import differences

Function = Callable[[Any], Any]
_RAMP = np.arange(1.0, 5.0, dtype=np.float32)
_MATRIX = np.linspace(-1.0, 1.0, 12, dtype=np.float32).reshape(4, 3)


def _ops() -> Any:
    return import_keras3().ops


def arithmetic(k: Any, x: Any) -> dict[str, Any]:
    return {
        "2 - x": 2.0 - x,
        "1 / x": 1 / (k.abs(x) + 1),
        "x / 4": x / 4,
        "x ** 2": x**2,
        "x % 2": x % 2,
        "x // 0.5": x // 0.5,
        "-x": -x,
        "abs": abs(x),
        "maximum": k.maximum(x, 0.1),
        "minimum": k.minimum(x, x * 2),
        "square": k.square(x),
        "sqrt": k.sqrt(k.abs(x)),
        "rsqrt": k.rsqrt(k.abs(x) + 1),
        "sign": k.sign(x),
        "log1p": k.log1p(k.abs(x)),
        "expm1": k.expm1(x),
        "exp2": k.exp2(x),
        "logs": k.log2(k.abs(x) + 1) + k.log10(k.abs(x) + 1) + k.log(k.abs(x) + 1),
        "rounding": k.round(x) + 2 * k.floor(x) + 3 * k.ceil(x) + 4 * k.trunc(x),
        "waves": k.sin(x) + k.cos(x) + k.arctan(x) + k.sinh(x) + k.erf(x) + k.arctan2(x, x + 1),
        "hypot": k.hypot(x, x * 2),
        "reciprocal": k.reciprocal(k.abs(x) + 1),
        "clip": k.clip(x, -0.5, 0.7),
        "divide_no_nan": k.divide_no_nan(x, k.relu(x)),
        "deg2rad": k.deg2rad(x),
        "stop_gradient": k.stop_gradient(x) + k.copy(x),
    }


def logic(k: Any, x: Any) -> dict[str, Any]:
    return {
        "comparisons": k.stack([x > 0, x >= 0.1, x < 0, x <= 0.3, k.equal(x, 0), k.not_equal(x, 0)], axis=1),
        "and or xor not": k.stack([(x > 0) & (x < 1), (x > 1) | (x < 0), k.logical_xor(x > 0, x < 0.5), ~(x > 0)], axis=1),
        "where": k.where(x > 0, x, x // 2),
        "where number": k.where(x > 0, x, 0.0),
        "cast": k.cast(k.cast(x * 3, "int32"), "float32"),
        "int times float": k.cast(x * 3, "int32") * 2.5,
        "int over int": k.cast(x * 3, "int32") / 2,
        "bool times float": (x > 0) * x,
        "mean of int": k.mean(k.cast(x * 3, "int32"), axis=1),
        "sum of bool": k.sum(x > 0, axis=1),
        "sqrt of bool": k.sqrt(k.cast(x > 0, "int32")),
        "any": k.any(x > 0, axis=-1),
        "all": k.all(x > -1, axis=1),
        "count_nonzero": k.count_nonzero(x > 0, axis=1),
        "one_hot": k.one_hot(k.cast(x[:, :, 0] > 0, "int32"), 3),
    }


def reductions(k: Any, x: Any) -> dict[str, Any]:
    return {
        "mean": k.mean(x, axis=[1, 2]),
        "sum": k.sum(x, axis=-1, keepdims=True),
        "prod": k.prod(x, axis=1),
        "max": k.max(x, axis=1, initial=0.5),
        "min": k.min(x, axis=-1, keepdims=True),
        "var": k.var(x, axis=1),
        "std": k.std(x, axis=[1, 2], keepdims=True),
        "logsumexp": k.logsumexp(x, axis=-1),
        "argmax": k.argmax(x, axis=-1),
        "argmin": k.argmin(x, axis=1, keepdims=True),
        "normalize": k.normalize(x, axis=1),
        "normalize 1": k.normalize(x, axis=-1, order=1),
        "normalize 3": k.normalize(x, axis=-1, order=3),
        "norm": k.norm(x, axis=-1) + k.norm(x, ord=1, axis=-1),
        "moments": k.moments(x, axes=[1])[1],
        "average": k.average(x, axis=1),
        "average weighted": k.average(x, axis=1, weights=np.arange(8.0, dtype=np.float32)),
        "rms": k.rms_normalization(x, scale=_RAMP),
        "layer norm": k.layer_normalization(x, _RAMP, _RAMP * 2),
        "cumsum": k.cumsum(x, axis=1),
        "cumprod": k.cumprod(x, axis=-1),
        "top_k": k.top_k(x, 2)[0],
        "sort": k.sort(x, axis=1),
    }


def shapes(k: Any, x: Any) -> dict[str, Any]:
    return {
        "last entry": x[..., 1],
        "steps": x[:, ::2, -1:],
        "new axis": x[:, None],
        "split": k.concatenate(k.split(x, 2, axis=-1)[::-1], axis=-1),
        "split at": k.split(x, [2, 5], axis=1)[1],
        "repeat": k.repeat(x, 2, axis=1),
        "repeat each": k.repeat(x, [1, 0, 2, 1], axis=2),
        "swapaxes": k.swapaxes(x, 1, 2),
        "moveaxis": k.moveaxis(x, 1, -1),
        "transpose": k.transpose(x, (0, 2, 1)),
        "tile": k.tile(x, [1, 2, 1]) + k.tile(x, 1)[:, :1],
        "flip": k.flip(x, axis=1),
        "fliplr": k.fliplr(x),
        "rot90": k.rot90(x, k=1, axes=(1, 2)),
        "rot270": k.rot90(x, k=3, axes=(1, 2)),
        "stack": k.stack([x, x * 2], axis=1),
        "squeeze": k.squeeze(k.expand_dims(x, 1), 1),
        "expand_dims": k.expand_dims(x, (1, -1)),
        "take": k.take(x, [0, -1], axis=1),
        "take of constant": k.take(k.convert_to_tensor(_MATRIX), k.cast(x[:, :, 0] > 0, "int32"), axis=0),
        "take_along_axis": k.take_along_axis(x, k.cast(x > 0, "int32"), axis=-1),
        "roll": k.roll(x, 3, axis=1),
        "roll two": k.roll(x, (1, -1), axis=(1, 2)),
        "pad": k.pad(x, [[0, 0], [1, 2], [0, 0]], constant_values=2.0),
        "pad reflect": k.pad(x, [[0, 0], [1, 2], [0, 0]], mode="reflect"),
        "zeros_like": k.zeros_like(x) + x,
        "ones_like": k.ones_like(x) * x,
        "full_like": k.full_like(x, 3.0) + x,
        "reshape": k.reshape(x, (-1, 4, 8)),
        "reshape batch": k.reshape(x, (-1, 4)),
        "hstack": k.hstack([x, x]),
        "dstack": k.dstack([x, x]),
        "append": k.append(x, x * 2, axis=1),
        "unstack": k.unstack(x, axis=2)[1],
        "tril": k.tril(x) + k.triu(x, 1),
        "diff": k.diff(x, axis=1),
        "slice": k.slice(x, [0, 1, 1], [4, 3, 2]),
    }


def products(k: Any, x: Any) -> dict[str, Any]:
    heads = k.reshape(x, (-1, 8, 2, 2))
    return {
        "matmul": k.matmul(x, k.swapaxes(x, 1, 2)),
        "x @ constant": x @ _MATRIX,
        "x @ vector": x @ _RAMP,
        "dot": k.dot(x, _MATRIX),
        "inner": k.inner(x, _MATRIX.T),
        "tensordot": k.tensordot(x, _MATRIX, axes=1),
        "tensordot two": k.tensordot(x, np.ones((8, 4, 3), np.float32), axes=[[1, 2], [0, 1]]),
        "einsum": k.einsum("abc,adc->abd", x, x),
        "einsum one": k.einsum("abc->acb", x),
        "einsum sum": k.einsum("abc->a", x),
        "einsum any": k.einsum("...c,cd->...d", x, _MATRIX),
        "einsum each": k.einsum("abc,c->abc", x, _RAMP),
        "einsum order": k.einsum("abc,adc->bda", x, x),
        "attention": k.dot_product_attention(heads, heads, heads),
        "causal attention": k.dot_product_attention(heads, heads, heads, is_causal=True),
    }


def activations(k: Any, x: Any) -> dict[str, Any]:
    a = import_keras3().activations
    return {
        "simple": k.stack([k.sigmoid(x), k.relu(x), k.silu(x), k.relu6(4 * x), k.selu(x), k.softplus(x), k.tanh(x)], axis=1),
        "relu": a.relu(x, negative_slope=0.1, max_value=1.0, threshold=0.2),
        "softmax": k.softmax(x, axis=1) + k.softmax(x),
        "elu": k.elu(x, 0.5),
        "celu": k.celu(x, 0.7) + k.celu(x),
        "gelu": k.gelu(x),
        "gelu exact": k.gelu(x, approximate=False),
        "glu": k.glu(x),
        "glu axis": k.glu(x, axis=1),
        "hard": k.hard_sigmoid(3 * x) + k.hard_silu(3 * x) + k.hard_tanh(x),
        "shrink": k.hard_shrink(x) + k.soft_shrink(x) + k.tanh_shrink(x),
        "sparse": k.sparse_plus(x) + k.sparse_sigmoid(x),
        "squareplus": k.squareplus(x) + k.squareplus(x, 2),
        "threshold": k.threshold(x, 0.2, -1.0),
        "log": k.log_softmax(x) + k.log_softmax(x, axis=1) + k.log_sigmoid(x),
        "sparsemax": k.sparsemax(x) + k.sparsemax(x, axis=1),
        "leaky_relu": k.leaky_relu(x, 0.1),
    }


def images(k: Any, x: Any) -> dict[str, Any]:
    return {
        "resize": k.image.resize(x, (5, 7)),
        "resize nearest": k.image.resize(x, (4, 4), interpolation="nearest"),
        "resize cubic": k.image.resize(x, (12, 12), interpolation="bicubic"),
        "grayscale": k.image.rgb_to_grayscale(x),
        "average_pool": k.average_pool(x, 2, 2),
        "max_pool": k.max_pool(x, 3, 2, padding="same"),
        "adaptive": k.adaptive_average_pool(x, (3, 3)),
        "adaptive max": k.adaptive_max_pool(x, (2, 4)),
        "pad": k.image.pad_images(x, 1, 2, target_height=12, target_width=14),
        "crop": k.image.crop_images(x, 1, 2, target_height=4, target_width=3),
        "depth_to_space": k.depth_to_space(k.tile(x, [1, 1, 1, 4]), 2),
        "space_to_depth": k.space_to_depth(x, 2),
        "mean": k.mean(x, axis=(1, 2)),
    }


GROUPS = {group.__name__: group for group in (arithmetic, logic, reductions, shapes, products, activations, images)}


@pytest.mark.parametrize("group", GROUPS)
def test_functions_give_what_they_gave(group: str, tmp_path: Path) -> None:
    keras = import_keras3()
    shape = (8, 8, 3) if group == "images" else (8, 4)
    start = keras.Input(shape)
    results = GROUPS[group](keras.ops, start)
    model = keras.Model(start, list(results.values()))
    inputs = np.random.default_rng(1).normal(size=(4, *shape)).astype(np.float32)
    found = dict(zip(results, differences(model, tmp_path, [inputs]), strict=True))
    assert {name: value for name, value in found.items() if not value < 1e-4} == {}


_REFUSED: dict[str, Function] = {
    "Argsort": lambda x: _ops().argsort(x, axis=1),
    "Median": lambda x: _ops().median(x, axis=1),
    "Cumsum": lambda x: _ops().cumsum(x),
    "Conv": lambda x: _ops().conv(x, np.ones((3, 4, 2), np.float32)),
    "Einsum": lambda x: _ops().einsum("abb->ab", x[:, :4]),
    "Pad": lambda x: _ops().pad(x, [[0, 0], [1, 1], [0, 0]], mode="edge"),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_what_cannot_be_expressed_is_named(name: str) -> None:
    keras = import_keras3()
    start = keras.Input((8, 4))
    model = keras.Model(start, _REFUSED[name](start))
    with pytest.raises(ModelError, match=rf"operation \w+ \({name}\b") as error:
        rebuild(model, "model.keras", {})
    assert error.value.code == "EP-232"
    assert "\n" not in str(error.value)


def test_the_table_holds_classes_of_keras() -> None:
    source = import_keras3().src
    modules = [getattr(source.ops, name) for name in ("numpy", "nn", "core", "math", "image", "linalg")]
    modules.append(source.activations.activations)
    assert {name for name in OPERATIONS if not any(hasattr(module, name) for module in modules)} == set()
