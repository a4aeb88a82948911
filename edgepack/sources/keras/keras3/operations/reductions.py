"""Functions that make fewer numbers out of the numbers along axes, and running sums."""

from __future__ import annotations

from typing import Any

from edgepack.sources.keras.keras3.call import (
    Call,
    Expression,
    Inexpressible,
    as_float,
    is_float,
    is_tensor,
    layers,
    positive,
    rank,
    squared,
    tf,
    to_type,
)


def _axis(call: Call) -> Any:
    axis = call.get(1, "axis")
    return list(axis) if isinstance(axis, list | tuple) else axis


def _keepdims(call: Call) -> bool:
    return bool(call.get(2, "keepdims", False))


def _numbers(value: Any) -> Any:
    """Truth values as int32."""
    return to_type(value, "int32") if tf().as_dtype(value.dtype).is_bool else value


def _reduction(function: str, prepare: Any) -> Expression:
    def express(call: Call) -> Any:
        reduce = getattr(tf().math, function)
        result = reduce(prepare(call.x), axis=_axis(call), keepdims=_keepdims(call), name=call.name)
        initial = call.config.get("initial")
        if initial is None:
            return result
        return getattr(tf(), {"reduce_max": "maximum", "reduce_min": "minimum"}[function])(result, initial)

    return express


def _std(call: Call) -> Any:
    return tf().sqrt(_variance(as_float(call.x), _axis(call), _keepdims(call)), name=call.name)


def _variance(x: Any, axis: Any, keepdims: bool, name: str | None = None) -> Any:
    middle = tf().reduce_mean(x, axis=axis, keepdims=True)
    return tf().reduce_mean(squared(tf().subtract(x, middle)), axis=axis, keepdims=keepdims, name=name)


def _moments(call: Call) -> Any:
    x, axes, keepdims = as_float(call.x), call.get(1, "axes"), bool(call.config.get("keepdims"))
    return [tf().reduce_mean(x, axis=axes, keepdims=keepdims), _variance(x, axes, keepdims)]


def _extreme_place(function: str) -> Expression:
    def express(call: Call) -> Any:
        x, axis = _numbers(call.x), _axis(call)
        if axis is None:
            raise Inexpressible("without an axis")
        found = getattr(tf(), function)(x, axis=axis, output_type="int32", name=call.name)
        return tf().expand_dims(found, axis) if _keepdims(call) else found

    return express


def _count_nonzero(call: Call) -> Any:
    return tf().reduce_sum(tf().cast(tf().not_equal(_numbers(call.x), 0), "int32"), axis=_axis(call), name=call.name)


def _range(call: Call) -> Any:
    axis, keepdims = _axis(call), _keepdims(call)
    high, low = (reduce(call.x, axis=axis, keepdims=keepdims) for reduce in (tf().reduce_max, tf().reduce_min))
    return tf().subtract(high, low, name=call.name)


def _average(call: Call) -> Any:
    x, axis, weights = as_float(call.x), call.config.get("axis"), call.get(1, "weights")
    if weights is None:
        return tf().reduce_mean(x, axis=axis, name=call.name)
    if rank(weights) != rank(x):
        if axis is None:
            raise Inexpressible("weights of another shape")
        weights = tf().reshape(weights, [-1 if index == positive(axis, rank(x)) else 1 for index in range(rank(x))])
    weights = as_float(weights) if is_tensor(weights) else weights
    weights = tf().add(tf().zeros_like(x), weights)
    return tf().divide(tf().reduce_sum(x * weights, axis=axis), tf().reduce_sum(weights, axis=axis), name=call.name)


def _norm(call: Call) -> Any:
    order, axis = call.config.get("ord"), _axis(call)
    if order in ("fro", "nuc") or (isinstance(axis, list) and len(axis) > 1 and order is not None):
        raise Inexpressible(f"ord {order}")
    x = as_float(call.x)
    return _p_norm(x, 2 if order is None else order, axis, bool(call.config.get("keepdims")), call.name)


def _p_norm(x: Any, order: Any, axis: Any, keepdims: bool, name: str | None = None) -> Any:
    """(sum |x|^p)^(1/p)."""
    if order == 2:
        return tf().sqrt(tf().reduce_sum(squared(x), axis=axis, keepdims=keepdims), name=name)
    if order == 1:
        return tf().reduce_sum(tf().abs(x), axis=axis, keepdims=keepdims, name=name)
    if order in (float("inf"), "inf"):
        return tf().reduce_max(tf().abs(x), axis=axis, keepdims=keepdims, name=name)
    if not isinstance(order, int | float) or order <= 0:
        raise Inexpressible(f"ord {order}")
    total = tf().reduce_sum(tf().pow(tf().abs(x), float(order)), axis=axis, keepdims=keepdims)
    return tf().pow(total, 1.0 / order, name=name)


def _normalize(call: Call) -> Any:
    """x over its norm, which counts as `epsilon` when it is less."""
    x, axis, order = as_float(call.x), _axis(call), call.config.get("order", 2)
    epsilon = call.config.get("epsilon") or 1e-7
    axis = -1 if axis is None else axis
    if order == 2:
        total = tf().reduce_sum(squared(x), axis=axis, keepdims=True)
        return tf().multiply(x, tf().minimum(tf().math.rsqrt(total), 1.0 / epsilon), name=call.name)
    return tf().divide(x, tf().maximum(_p_norm(x, order, axis, True), epsilon), name=call.name)


def root_mean_square_normalized(x: Any, axis: Any, epsilon: float | None, name: str | None = None) -> Any:
    """x / sqrt(mean(x²) + epsilon) (Zhang and Sennrich 2019)."""
    mean = tf().reduce_mean(squared(x), axis=axis, keepdims=True)
    return tf().multiply(x, tf().math.rsqrt(tf().add(mean, 1e-7 if epsilon is None else epsilon)), name=name)


def _rms_norm(call: Call) -> Any:
    scale = call.get(1, "scale")
    axis = call.config.get("axis", -1)
    result = root_mean_square_normalized(as_float(call.x), axis, call.config.get("epsilon"))
    return tf().identity(result, name=call.name) if scale is None else tf().multiply(result, scale, name=call.name)


def _layer_norm(call: Call) -> Any:
    axis = call.config.get("axis", -1)
    x, axes = as_float(call.x), axis if isinstance(axis, list) else [axis]
    gains = [call.get(1, "gamma"), call.get(2, "beta")]
    if call.config.get("rms_scaling") or (any(gain is not None for gain in gains) and axes not in ([-1], [rank(x) - 1])):
        raise Inexpressible("rms_scaling, or a gain over other axes than the last")
    epsilon = call.config.get("epsilon")
    centred = tf().subtract(x, tf().reduce_mean(x, axis=axes, keepdims=True))
    spread = tf().reduce_mean(squared(centred), axis=axes, keepdims=True)
    result = tf().multiply(centred, tf().math.rsqrt(tf().add(spread, 1e-7 if epsilon is None else epsilon)), name=call.name)
    if gains[0] is not None:
        result = tf().multiply(result, gains[0])
    return result if gains[1] is None else tf().add(result, gains[1])


def _running(function: str) -> Expression:
    def express(call: Call) -> Any:
        axis, dtype = call.config.get("axis"), call.config.get("dtype")
        x = to_type(_numbers(call.x), dtype) if dtype else _numbers(call.x)
        if axis is None:
            raise Inexpressible("without an axis")
        return getattr(tf().math, function)(x, axis=axis, name=call.name)

    return express


def _top_k(call: Call) -> Any:
    found = tf().math.top_k(call.x, k=call.config["k"], sorted=bool(call.config.get("sorted", True)), name=call.name)
    return list(found)


def _as_bool(value: Any) -> Any:
    return to_type(value, "bool")


def _prod(call: Call) -> Any:
    dtype = call.config.get("dtype")
    x = to_type(_numbers(call.x), dtype) if dtype else _numbers(call.x)
    return tf().reduce_prod(x, axis=_axis(call), keepdims=_keepdims(call), name=call.name)


def _mean(call: Call) -> Any:
    """Over height and width it is a layer that the compression tools know."""
    x, axis = as_float(call.x), _axis(call)
    if rank(x) == 4 and isinstance(axis, list) and sorted(positive(one, 4) for one in axis) == [1, 2]:
        return layers().GlobalAveragePooling2D(keepdims=_keepdims(call), name=call.name)(x)
    return tf().reduce_mean(x, axis=axis, keepdims=_keepdims(call), name=call.name)


def _sort(call: Call) -> Any:
    axis = call.config.get("axis", -1)
    if axis is None or not is_float(call.x):
        raise Inexpressible("without an axis, or of integers")
    return tf().sort(call.x, axis=axis, name=call.name)


REDUCTIONS: dict[str, Expression] = {
    "Mean": _mean,
    "Average": _average,
    "Sum": _reduction("reduce_sum", _numbers),
    "Prod": _prod,
    "Max": _reduction("reduce_max", _numbers),
    "Amax": _reduction("reduce_max", _numbers),
    "Min": _reduction("reduce_min", _numbers),
    "Amin": _reduction("reduce_min", _numbers),
    "All": _reduction("reduce_all", _as_bool),
    "Any": _reduction("reduce_any", _as_bool),
    "Logsumexp": _reduction("reduce_logsumexp", as_float),
    "Var": lambda call: _variance(as_float(call.x), _axis(call), _keepdims(call), call.name),
    "Std": _std,
    "Moments": _moments,
    "Argmax": _extreme_place("argmax"),
    "Argmin": _extreme_place("argmin"),
    "CountNonzero": _count_nonzero,
    "Ptp": _range,
    "Norm": _norm,
    "Normalize": _normalize,
    "RMSNorm": _rms_norm,
    "LayerNorm": _layer_norm,
    "Cumsum": _running("cumsum"),
    "Cumprod": _running("cumprod"),
    "TopK": _top_k,
    "Sort": _sort,
}
