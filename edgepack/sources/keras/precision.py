"""Keras 2 models of half or mixed precision, brought to float32: quantization starts from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edgepack.sources.keras.frameworks import import_tf_keras

_HALF = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")


def float32_name(name: Any) -> Any:
    """ "float32" for the name of a half or mixed precision type or policy, anything else as it is."""
    return "float32" if name in _HALF else name


def has_half_precision(model: Any) -> bool:
    """Whether a layer computes in float16 or bfloat16."""
    return any(layer.compute_dtype in _HALF for layer in model._flatten_layers(include_self=False))


def in_float32(model: Any, custom_objects: Mapping[str, Any]) -> Any:
    """A copy of a Keras 2 model in which every layer computes in float32, with the same weights."""
    config = _replaced(json.loads(model.to_json()))
    copy = import_tf_keras().models.model_from_json(json.dumps(config), custom_objects=dict(custom_objects))
    copy.set_weights(model.get_weights())
    return copy


def _replaced(config: Any) -> Any:
    if isinstance(config, list):
        return [_replaced(part) for part in config]
    if not isinstance(config, dict):
        return config
    return {key: _float32(value) if key == "dtype" else _replaced(value) for key, value in config.items()}


def _float32(dtype: Any) -> Any:
    """A layer's stored type: a name, or a policy with one."""
    name = dtype["config"].get("name") if isinstance(dtype, dict) else dtype
    return "float32" if name in _HALF else dtype
