"""A model in the real TensorFlow Lite Micro interpreter, in a worker process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import ModelRefused, ToolError
from edgepack.runners.result import RunnerFailure, parse_result

_PROGRAM = Path(__file__).with_name("run_tflm.py")


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
    with tempfile.TemporaryDirectory(prefix="edgepack-tflm-") as name:
        folder = Path(name)
        words: list[str] = []
        for index, array in enumerate(inputs):
            file = folder / f"input_{index}.npy"
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)
            words += ["--input", str(file)]
        results = [folder / f"output_{index}.npy" for index in range(outputs)]
        for file in results:
            words += ["--output", str(file)]
        command = [sys.executable, str(_PROGRAM), str(model), *words]
        hint = "edgepack inspect lists operators that TFLite Micro lacks; edgepack export --as c needs no interpreter"
        try:
            done = subprocess.run(command, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
            result = parse_result(done.stdout)
        except subprocess.TimeoutExpired as error:
            raise ModelRefused("EP-283", f"TFLite Micro took longer than {timeout:.0f} s on {model.name}", hint) from error
        except RunnerFailure as failure:
            if failure.kind == "runtime":
                raise ToolError("EP-690", str(failure), 'pip install "edgepack[mcu]"') from failure
            words = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
            why = str(failure) if failure.kind == "model" else f"it died{': ' + words[-1][:200] if words else ''}"
            raise ModelRefused("EP-283", f"TFLite Micro refuses {model.name}: {why}", hint) from failure
        arena = result["arena"]
        arrays = tuple(np.load(file, allow_pickle=False) for file in results)
        return TflmRun(int(arena["total"]), int(arena["head"]), int(arena["tail"]), arrays)
