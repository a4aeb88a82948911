"""A model on a phone, a board with Linux or this machine: its file, its tensors, and whether the engine takes it."""

from __future__ import annotations

from edgepack.compile import compile_model
from edgepack.flatbuffer import Model, inspect_model
from edgepack.judge.verdict import HARDWARE_BUDGETS
from edgepack.kinds import kind_of
from edgepack.measure.types import Measurement
from edgepack.project import Target
from edgepack.runners.native import ENGINE
from edgepack.runners.tflite_c import ENGINES as NO_PYTHON

_UNTOLD = "only a run on the device tells: edgepack bench or deploy"


def engine_of(model: Model, name: str, target: Target) -> str:
    """What runs the model there, in words.

    Raises:
        CompileError, ModelError: the model cannot become C, and that is what the device runs.
    """
    engine = target.device.engine
    if engine == ENGINE or (kind_of(target).python is None and engine not in NO_PYTHON):
        compile_model(model, name, "generic", coding=target.device.coding)
        return "generated C"
    return "LiteRT or TFLite" if engine == "auto" else engine


def machine_measurements(model: Model) -> tuple[Measurement, ...]:
    """The file's size, the tensors that exist at once, and that the rest was not measured."""
    peak = inspect_model(model).peak
    tensors = peak.activation_bytes + peak.state_bytes
    return (
        Measurement("model_size", float(model.size_bytes), "bytes", "file", "the .tflite"),
        Measurement("tensors", float(tensors), "bytes", "file", "tensors that exist at the same time, without the engine"),
        *(
            Measurement(budget, None, "J" if budget == "energy" else "bytes" if budget == "peak_memory" else "s", "host", _UNTOLD)
            for budget in sorted(HARDWARE_BUDGETS)
        ),
    )
