"""Keras layer names in converted tensor names."""

from __future__ import annotations


def keras_layer(tensor_name: str) -> str:
    """The Keras layer a converted tensor name comes from."""
    parts = tensor_name.split(";")[0].split("/")
    return parts[-2] if len(parts) > 1 else parts[0]
