"""Functions on images and sequences: sizes, colours, pooling."""

from __future__ import annotations

import math
from typing import Any

from edgepack.sources.keras.keras3.call import Call, Expression, Inexpressible, as_float, layers, rank, size, tf


def _resize(call: Call) -> Any:
    settings = call.config
    if settings.get("pad_to_aspect_ratio") or settings.get("antialias") or rank(call.x) != 4:
        raise Inexpressible("pad_to_aspect_ratio, antialias, or a single image")
    _channels_last(settings)
    return layers().Resizing(
        *call.get(1, "size"),
        interpolation=settings.get("interpolation", "bilinear"),
        crop_to_aspect_ratio=bool(settings.get("crop_to_aspect_ratio")),
        name=call.name,
    )(call.x)


def _channels_last(settings: Any) -> None:
    if settings.get("data_format") == "channels_first":
        raise Inexpressible("channels_first")


def _grayscale(call: Call) -> Any:
    _channels_last(call.config)
    return tf().image.rgb_to_grayscale(as_float(call.x), name=call.name)


def _pool(kind: str) -> Expression:
    def express(call: Call) -> Any:
        settings = call.config
        _channels_last(settings)
        layer = getattr(layers(), f"{kind}Pooling{rank(call.x) - 2}D")
        return layer(settings["pool_size"], settings.get("strides"), settings.get("padding", "valid"), name=call.name)(call.x)

    return express


def _adaptive(kind: str) -> Expression:
    def express(call: Call) -> Any:
        _channels_last(call.config)
        return adaptive_pool(kind, call.x, call.config["output_size"], call.name)

    return express


def adaptive_pool(kind: str, x: Any, output_size: Any, name: str) -> Any:
    """Pooling ("Average" or "Max") to a fixed size: entry i of n takes from floor(i L / n) to ceil((i + 1) L / n).

    Where every length is a multiple of the size it is plain pooling; otherwise each window is taken by itself, axis by axis.
    """
    axes = range(1, rank(x) - 1)
    sizes = [output_size] * len(axes) if isinstance(output_size, int) else list(output_size)
    sizes = [size(x, axis) if wanted is None else wanted for axis, wanted in zip(axes, sizes, strict=True)]
    windows = [_windows(size(x, axis), wanted) for axis, wanted in zip(axes, sizes, strict=True)]
    if all(size(x, axis) % wanted == 0 for axis, wanted in zip(axes, sizes, strict=True)):
        layer = getattr(layers(), f"{kind}Pooling{len(axes)}D")
        return layer([size(x, axis) // wanted for axis, wanted in zip(axes, sizes, strict=True)], name=name)(x)
    reduce = tf().reduce_mean if kind == "Average" else tf().reduce_max
    for axis, ranges in zip(axes, windows, strict=True):
        x = tf().concat([reduce(_part(x, axis, *ends), axis=axis, keepdims=True) for ends in ranges], axis)
    return tf().identity(x, name=name)


def _windows(length: int, count: int) -> list[tuple[int, int]]:
    return [(place * length // count, math.ceil((place + 1) * length / count)) for place in range(count)]


def _part(x: Any, axis: int, start: int, end: int) -> Any:
    return x[tuple(slice(start, end) if index == axis else slice(None) for index in range(rank(x)))]


def _pad_images(call: Call) -> Any:
    settings = call.config
    _channels_last(settings)
    top, left, bottom, right = (settings.get(f"{side}_padding") for side in ("top", "left", "bottom", "right"))
    height, width = settings.get("target_height"), settings.get("target_width")
    rows, columns = _both(top, bottom, height, call.x, 1), _both(left, right, width, call.x, 2)
    return layers().ZeroPadding2D((rows, columns), name=call.name)(call.x)


def _crop_images(call: Call) -> Any:
    settings = call.config
    _channels_last(settings)
    top, left, bottom, right = (settings.get(f"{side}_cropping") for side in ("top", "left", "bottom", "right"))
    height, width = settings.get("target_height"), settings.get("target_width")
    rows, columns = _both(top, bottom, height, call.x, 1), _both(left, right, width, call.x, 2)
    return layers().Cropping2D((rows, columns), name=call.name)(call.x)


def _both(start: Any, end: Any, target: Any, x: Any, axis: int) -> tuple[int, int]:
    """The amounts at both ends, one of which may follow from the size after."""
    change = None if target is None else abs(size(x, axis) - target)
    if start is None:
        start = change - end if change is not None and end is not None else 0
    return int(start), int(end if end is not None else (change - start if change is not None else 0))


def _depth(function: str) -> Expression:
    def express(call: Call) -> Any:
        _channels_last(call.config)
        return getattr(tf().nn, function)(call.x, call.config["block_size"], name=call.name)

    return express


IMAGES: dict[str, Expression] = {
    "Resize": _resize,
    "RGBToGrayscale": _grayscale,
    "AveragePool": _pool("Average"),
    "MaxPool": _pool("Max"),
    "AdaptiveAveragePool": _adaptive("Average"),
    "AdaptiveMaxPool": _adaptive("Max"),
    "PadImages": _pad_images,
    "CropImages": _crop_images,
    "DepthToSpace": _depth("depth_to_space"),
    "SpaceToDepth": _depth("space_to_depth"),
}
