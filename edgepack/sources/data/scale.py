"""The preprocessing that edgepack applies to files: (x * scale + offset - mean) / std."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgepack.ground.errors import DataError
from edgepack.sources.data.examples import Converted
from edgepack.sources.data.raw import RawData, RawSplit


def apply_preprocessing(raw: RawData, settings: Mapping[str, Any]) -> RawData:
    """`raw` with `[data.preprocessing]` applied to every input and recorded.

    `scale`, `offset`, `mean` and `std` are numbers, or lists with one for each channel (the last axis).

    Raises:
        DataError: EP-319 when a list does not fit the channels, or std is zero.
    """
    if not any(key in settings for key in ("scale", "offset", "mean", "std")):
        return replace(raw, preprocessing={**raw.preprocessing, **settings})
    given = {key: np.asarray(settings.get(key, default), np.float64) for key, default in _DEFAULTS.items()}
    channels = raw.train.inputs[0].shape[-1] if len(raw.train.inputs[0].shape) > 1 else 1
    for key, value in given.items():
        if value.ndim and value.shape != (channels,):
            hint = "give one number, or one for each channel (the last axis)"
            raise DataError("EP-319", f"[data.preprocessing] {key} has {value.size} values, the inputs {channels} channels", hint)
    if (given["std"] == 0).any():
        raise DataError("EP-319", "[data.preprocessing] std is 0", "give the standard deviation of the training data")
    factor = given["scale"] / given["std"]
    shift = (given["offset"] - given["mean"]) / given["std"]

    def scaled(split: RawSplit) -> RawSplit:
        return replace(split, inputs=tuple(Converted(rows, factor=factor, shift=shift) for rows in split.inputs))

    splits = {name: scaled(split) for name, split in raw.splits.items()}
    return replace(raw, splits=splits, preprocessing={**raw.preprocessing, **settings})


_DEFAULTS = {"scale": 1.0, "offset": 0.0, "mean": 0.0, "std": 1.0}
