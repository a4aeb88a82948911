"""`edgepack.inspect`: what is in a .tflite."""

from __future__ import annotations

from pathlib import Path

from edgepack.api.settings import File
from edgepack.flatbuffer import Inspection, inspect_model, read_model


def inspect(model: File | bytes) -> Inspection:
    """What a .tflite holds, layer by layer: operators, shapes, MACs, bytes, zeros, unique values, entropy, quantization.

    Args:
        model: The file, or its content.

    Raises:
        ModelError: EP-20x and EP-21x for what is no whole .tflite.
    """
    return inspect_model(read_model(model if isinstance(model, bytes) else Path(model)))
