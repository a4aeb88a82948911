"""Models run on the host, each in worker processes of their own.

The runtimes disagree with each other inside one process (tflite-runtime fails once TensorFlow is imported) and may abort it, so
no model ever runs in the caller's process. The workers are the very program that runs on devices.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError, EdgepackError, ModelError, ModelRefused, ToolError
from edgepack.runners.result import RunnerFailure, parse_result

RUNNER = Path(__file__).with_name("run.py")
RUNNER_FILES = tuple(RUNNER.with_name(name) for name in ("run_conditions.py", "run_energy.py", "run_bench.py", "run.py"))
"""Everything a device needs; run.py last, so that where it is the others are."""
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
    with tempfile.TemporaryDirectory(prefix="edgepack-run-") as name:
        folder = Path(name)
        files = []
        for index, array in enumerate(inputs):
            files.append(folder / f"input_{index}.npy")
            np.save(files[-1], np.ascontiguousarray(array), allow_pickle=False)
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
                *(word for file in files for word in ("--input", str(file))),
                *(word for file in outputs[part] for word in ("--output", str(file))),
            ]
            for part in range(parts)
        ]  # fmt: skip
        _run_workers(arguments, model, deadline)
        return tuple(
            _gather([part[index] for part in outputs], count, tensor) for index, tensor in enumerate(described["outputs"])
        )


def describe_model(model: Path, engine: str = "litert", timeout: float = 60.0) -> dict[str, Any]:
    """A model's `inputs` and `outputs` as its runtime sees them, and the runtime's version.

    Each tensor has name, shape, dtype, scales and zero_points; the version is `engine_version`. Raises as `run_model` does.
    """
    return _run_workers([["describe", "--model", str(model), "--engine", engine]], model, timeout)[0]


def _gather(files: Sequence[Path], count: int, tensor: dict[str, Any]) -> NDArray[Any]:
    values = np.concatenate([np.fromfile(file, dtype=np.dtype(tensor["dtype"]).newbyteorder("<")) for file in files])
    shape = tensor["shape"][1:] if tensor["shape"][:1] == [1] else tensor["shape"]
    native: NDArray[Any] = values.astype(np.dtype(tensor["dtype"]), copy=False)
    if native.size != count * math.prod(shape):  # the runtime knew the shape only when it ran
        return native.reshape((count, -1))
    return native.reshape((count, *shape))


def _run_workers(arguments: Sequence[Sequence[str]], model: Path, timeout: float) -> list[dict[str, Any]]:
    """Run the runner once for each argument list, side by side; the results in the same order."""
    if not model.is_file():
        raise ModelRefused("EP-280", f"there is no model file {model}", "check the path")
    workers = [_Worker(words) for words in arguments]
    end = time.monotonic() + timeout
    try:
        return [worker.result(model, max(0.0, end - time.monotonic())) for worker in workers]
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """One running runner; its output goes to files, so that it never waits for a reader."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(RUNNER), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
            env=environment,
            start_new_session=True,
        )

    def result(self, model: Path, timeout: float) -> dict[str, Any]:
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise ModelError(
                "EP-282", f"running {model.name} took longer than it may", "check that the model is not far larger than meant"
            ) from error
        if status < 0:
            raise ModelError(
                "EP-281",
                f"the runtime crashed on {model.name} ({_signal_name(-status)}){self._last_words()}",
                "the model uses something this runtime cannot run; `edgepack inspect` lists its operators",
            )
        self._stdout.seek(0)
        try:
            return parse_result(self._stdout.read())
        except RunnerFailure as failure:
            raise _ERRORS[failure.kind](failure, model, self._last_words()) from failure

    def _last_words(self) -> str:
        self._stderr.seek(0)
        lines = [line for line in self._stderr.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return f": {lines[-1][:300]}" if lines else ""

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._stdout.close()
        self._stderr.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _refused(failure: RunnerFailure, model: Path, words: str) -> EdgepackError:
    return ModelRefused("EP-280", f"{model.name}: {failure}", "check it with `edgepack inspect`")


def _misfit(failure: RunnerFailure, model: Path, words: str) -> EdgepackError:
    return DataError("EP-380", f"inputs for {model.name}: {failure}", "check the shapes and types against `edgepack inspect`")


def _no_runtime(failure: RunnerFailure, model: Path, words: str) -> EdgepackError:
    return ToolError("EP-680", str(failure), "run `make setup`, or pip install ai-edge-litert tflite-runtime 'numpy<2'")


def _broken(failure: RunnerFailure, model: Path, words: str) -> EdgepackError:
    return ModelError("EP-281", f"the runtime failed on {model.name}: {failure}{words}", "run again with -v for its output")


_ERRORS: dict[str, Callable[[RunnerFailure, Path, str], EdgepackError]] = {
    "model": _refused,
    "data": _misfit,
    "runtime": _no_runtime,
    "system": _broken,
    "cut": _broken,
}
