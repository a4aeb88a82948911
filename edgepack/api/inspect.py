"""`edgepack.inspect`: what is in a .tflite."""

from __future__ import annotations

from pathlib import Path

from edgepack.api.settings import File
from edgepack.flatbuffer import Inspection, inspect_model, read_model


def inspect(model: File | bytes) -> Inspection:
    """What a .tflite holds, layer by layer: operators, shapes, MACs, bytes, zeros, unique values, entropy, quantization.

    Args:
        model: The file, or its content; or a project folder or a Keras file, for the .tflite that it was last deployed as.

    Raises:
        ModelError: EP-20x and EP-21x for what is no whole .tflite.
        ProjectError: EP-166, EP-167 for a project or a Keras file without one.
    """
    return inspect_model(read_model(model if isinstance(model, bytes) else _file(Path(model))))


def _file(path: Path) -> Path:
    if path.suffix == ".tflite":
        return path
    from edgepack.pipeline.deployed import model_of  # half a second of imports that a .tflite does without

    return model_of(path)
