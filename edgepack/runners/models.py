"""Models run on the host, each in worker processes of their own.

The runtimes disagree with each other inside one process (tflite-runtime fails once TensorFlow is imported) and may abort it, so
no model ever runs in the caller's process. The workers are the very program that runs on devices.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError, EdgepackError, ModelError, ModelRefused, ToolError
from edgepack.ground.scratch import scratch_folder
from edgepack.runners.files import RUNNER
from edgepack.workers.worker import Worker, WorkerFailure, save_arrays

REFERENCE = "tflite-ref"
"""tflite-runtime's reference kernels: the bits that microcontrollers reproduce."""

_SAMPLES_PER_PROCESS = 32  # below this, starting a second interpreter costs more than it saves


def run_reference(model: Path, inputs: Sequence[NDArray[Any]], timeout: float | None = None) -> tuple[NDArray[Any], ...]:
    """The reference kernels' outputs for `inputs`, taken as one sequence: a model with state keeps it from one to the next.

    See `run_model` for shapes and errors.
    """
    return run_model(model, inputs, REFERENCE, timeout=timeout, sequence=True)


def run_model(
    model: Path,
    inputs: Sequence[NDArray[Any]],
    engine: str = "litert",
    threads: int = 1,
    processes: int | None = None,
    timeout: float | None = None,
    sequence: bool = False,
) -> tuple[NDArray[Any], ...]:
    """Outputs of `model` for samples given in the model's own input types.

    Args:
        model: A .tflite file.
        inputs: One array an input of the model, each (count, *shape without the leading 1), already quantised.
        engine: litert, litert-builtin (no XNNPACK), litert-ref, tflite or tflite-ref.
        threads: Threads of each interpreter.
        processes: Worker processes the samples are spread over; by default as many as there are processors.
        timeout: Seconds for everything; by default a minute and two seconds a sample.
        sequence: Keep the state of a model that has one from sample to sample; otherwise each starts from the initial state.

    Returns:
        One array an output, each (count, *shape without the leading 1), in the model's output types.

    Raises:
        DataError: EP-380 when the inputs do not fit the model.
        ModelError: EP-280 the runtime refuses the model; EP-281 it crashed; EP-282 it took too long.
        ToolError: EP-680 when the runtime is not installed.
    """
    counts = {len(array) for array in inputs}
    if len(counts) != 1:
        raise DataError("EP-380", f"the inputs hold different numbers of samples: {sorted(counts)}", "give equally many")
    count = counts.pop()
    deadline = timeout if timeout is not None else 60.0 + 2.0 * count
    with scratch_folder("edgepack-run-") as name:
        folder = Path(name)
        files = save_arrays(folder, inputs)
        described = describe_model(model, engine)
        wanted = 1 if sequence and described["stateful"] else processes or os.cpu_count() or 1
        parts = max(1, min(wanted, -(-count // _SAMPLES_PER_PROCESS)))
        bounds = [count * part // parts for part in range(parts + 1)]
        outputs = [[folder / f"output_{index}_{part}.bin" for index in range(len(described["outputs"]))] for part in range(parts)]
        arguments = [
            [
                "infer", "--model", str(model), "--engine", engine, "--threads", str(threads),
                "--first", str(bounds[part]), "--count", str(bounds[part + 1] - bounds[part]),
                *(["--sequence"] if sequence else []),
                *(word for file in files for word in ("--input", file)),
                *(word for file in outputs[part] for word in ("--output", str(file))),
            ]
            for part in range(parts)
        ]  # fmt: skip
        _run_workers(arguments, model, engine, deadline)
        return tuple(
            _gather([part[index] for part in outputs], count, tensor) for index, tensor in enumerate(described["outputs"])
        )


def describe_model(model: Path, engine: str = "litert", timeout: float = 60.0) -> dict[str, Any]:
    """A model's `inputs` and `outputs` as its runtime sees them, and the runtime's version.

    Each tensor has name, shape, dtype, scales and zero_points; the version is `engine_version`. Raises as `run_model` does.
    """
    return _run_workers([["describe", "--model", str(model), "--engine", engine]], model, engine, timeout)[0]


def _gather(files: Sequence[Path], count: int, tensor: dict[str, Any]) -> NDArray[Any]:
    values = np.concatenate([np.fromfile(file, dtype=np.dtype(tensor["dtype"]).newbyteorder("<")) for file in files])
    shape = tensor["shape"][1:] if tensor["shape"][:1] == [1] else tensor["shape"]
    native: NDArray[Any] = values.astype(np.dtype(tensor["dtype"]), copy=False)
    if native.size != count * math.prod(shape):  # the runtime knew the shape only when it ran
        return native.reshape((count, -1))
    return native.reshape((count, *shape))


def _run_workers(arguments: Sequence[Sequence[str]], model: Path, engine: str, timeout: float) -> list[dict[str, Any]]:
    """Run the runner once for each argument list, side by side; the results in the same order."""
    if not model.is_file():
        raise ModelRefused("EP-280", f"there is no model file {model}", "check the path")
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker([str(RUNNER), *words])) for words in arguments]
        end = time.monotonic() + timeout
        try:
            return [worker.result(max(0.0, end - time.monotonic())) for worker in workers]
        except WorkerFailure as failure:
            raise _ERRORS[failure.kind](failure, model, engine) from failure


def _refused(failure: WorkerFailure, model: Path, engine: str) -> EdgepackError:
    why = str(failure).removeprefix("the runtime refuses the model: ")
    return ModelRefused("EP-280", f"{engine} refuses {model.name}: {why}", "check it with `edgepack inspect`")


def _misfit(failure: WorkerFailure, model: Path, engine: str) -> EdgepackError:
    return DataError("EP-380", f"inputs for {model.name}: {failure}", "check the shapes and types against `edgepack inspect`")


def _no_runtime(failure: WorkerFailure, model: Path, engine: str) -> EdgepackError:
    return ToolError("EP-680", str(failure), "run `make setup`, or pip install ai-edge-litert tflite-runtime 'numpy<2'")


def _broken(failure: WorkerFailure, model: Path, engine: str) -> EdgepackError:
    text = f"{engine} failed on {model.name}: {failure}{_words(failure)}"
    return ModelRefused("EP-281", text, "run again with -v for its output")


def _crashed(failure: WorkerFailure, model: Path, engine: str) -> EdgepackError:
    text = f"{engine} crashed on {model.name} ({failure}){_words(failure)}"
    return ModelRefused("EP-281", text, "the model uses something it cannot run; `edgepack inspect` lists the operators")


def _late(failure: WorkerFailure, model: Path, engine: str) -> EdgepackError:
    text = f"running {model.name} with {engine} took longer than it may"
    return ModelError("EP-282", text, "check that the model is not far larger than meant")


def _words(failure: WorkerFailure) -> str:
    return f": {failure.words[:300]}" if failure.words else ""


_ERRORS: dict[str, Callable[[WorkerFailure, Path, str], EdgepackError]] = {
    "model": _refused,
    "data": _misfit,
    "runtime": _no_runtime,
    "system": _broken,
    "cut": _broken,
    "crash": _crashed,
    "timeout": _late,
}
