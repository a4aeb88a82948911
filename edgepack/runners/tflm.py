"""A model in the real TensorFlow Lite Micro interpreter, in a worker process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import EdgepackError, ModelRefused, ToolError
from edgepack.ground.scratch import scratch_folder
from edgepack.workers.worker import WorkerFailure, run_worker, save_arrays

_PROGRAM = Path(__file__).with_name("tflm_worker.py")


@dataclass(frozen=True)
class TflmRun:
    """What the interpreter used and computed.

    `arena` is what it allocated on this 64-bit machine, in bytes: `head` for activations and scratch, `tail` for what stays.
    `outputs` are arrays, examples first.
    """

    arena: int
    head: int
    tail: int
    outputs: tuple[NDArray[Any], ...]


def run_tflm(model: Path, inputs: Sequence[NDArray[Any]], outputs: int, timeout: float = 300.0) -> TflmRun:
    """Run `model` in TensorFlow Lite Micro with its reference kernels.

    Args:
        model: A .tflite file.
        inputs: One array an input, examples first, in the model's own types.
        outputs: How many outputs the model has.
        timeout: Seconds for everything.

    Raises:
        ModelError: EP-283 when TFLite Micro refuses the model or dies on it.
        ToolError: EP-690 when tflite-micro is not installed.
    """
    with scratch_folder("edgepack-tflm-") as name:
        folder = Path(name)
        files = save_arrays(folder, inputs)
        results = [str(folder / f"output_{index}.npy") for index in range(outputs)]
        try:
            result = run_worker(_PROGRAM, {"model": str(model), "inputs": files, "outputs": results}, timeout)
        except WorkerFailure as failure:
            raise _error(failure, model, timeout) from failure
        arena = result["arena"]
        arrays = tuple(np.load(file, allow_pickle=False) for file in results)
        return TflmRun(int(arena["total"]), int(arena["head"]), int(arena["tail"]), arrays)


def _error(failure: WorkerFailure, model: Path, timeout: float) -> EdgepackError:
    if failure.kind == "runtime":
        return ToolError("EP-690", f"tflite-micro cannot be imported: {failure}", 'pip install "edgepack[mcu]"')
    hint = "edgepack inspect lists operators that TFLite Micro lacks; edgepack export --as c needs no interpreter"
    if failure.kind == "timeout":
        return ModelRefused("EP-283", f"TFLite Micro took longer than {timeout:.0f} s on {model.name}", hint)
    why = str(failure) if failure.kind == "model" else f"it died{f': {failure.words[:200]}' if failure.words else ''}"
    return ModelRefused("EP-283", f"TFLite Micro refuses {model.name}: {why}", hint)
