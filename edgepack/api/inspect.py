"""`edgepack.inspect`: what is in a .tflite; `edgepack.inspect_coding`: what its weights take in codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.api.settings import File
from edgepack.flatbuffer import Inspection, Model, inspect_model, read_model
from edgepack.ground.private import private_files

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingTable


def inspect(model: File | bytes) -> Inspection:
    """What a .tflite holds, layer by layer: operators, shapes, MACs, bytes, zeros, unique values, entropy, quantization.

    Args:
        model: The file, or its content; or a project folder or a Keras file, for the .tflite that it was last deployed as.

    Raises:
        ModelError: EP-20x and EP-21x for what is no whole .tflite.
        ProjectError: EP-166, EP-167 for a project or a Keras file without one.
    """
    return inspect_model(_read(model))


@private_files()
def inspect_coding(model: File | bytes, *, cpu: str = "generic", optimize: str = "balanced", coding: str = "auto") -> CodingTable:
    """Which of a model's weights are in codes in generated C, which are not and why, and what each would take in every code.

    Args:
        model: As for `edgepack.inspect`.
        cpu, optimize, coding: As for `edgepack.export`.

    Raises:
        CompileError: EP-70x for what cannot become C.
        ModelError, ProjectError: as `edgepack.inspect`; EP-702 for an unknown core or optimization, EP-710 for an unknown code.
    """
    from edgepack.compile.coding_table import coding_table  # a third of a second that inspecting does without

    return coding_table(_read(model), cpu, optimize, coding)


def _read(model: File | bytes) -> Model:
    return read_model(model if isinstance(model, bytes) else _file(Path(model)))


def _file(path: Path) -> Path:
    if path.suffix == ".tflite":
        return path
    from edgepack.pipeline.deployed import model_of  # half a second of imports that a .tflite does without

    return model_of(path)
