"""Reference outputs from a worker process that stays alive and takes many models."""

from __future__ import annotations

import atexit
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.compile.reference_worker import receive, send

Outputs = list[tuple[np.ndarray, ...]]


class ReferenceError(Exception):
    """The runtime refused the model, or died on it."""


class Reference:
    """A worker running models on an engine: "tflite-ref" is the definition of correct, "tflite-micro" that for int16."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, model: bytes, sets: list[tuple[np.ndarray, ...]], engine: str = "tflite-ref") -> Outputs:
        """Outputs of each set of inputs. Raises ReferenceError."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.compile.reference_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=Path(__file__).parents[2],
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            send(self._process.stdin, (engine, model, sets))
            answer = receive(self._process.stdout)
        except BrokenPipeError:
            answer = None
        if answer is None:
            self.close()
            raise ReferenceError("the runtime died on this model")
        if isinstance(answer, str):
            raise ReferenceError(answer)
        return answer

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


_SHARED = Reference()
atexit.register(_SHARED.close)


def run_reference(model: bytes, sets: list[tuple[np.ndarray, ...]], engine: str = "tflite-ref") -> Outputs:
    """Outputs from the worker this process shares."""
    return _SHARED.run(model, sets, engine)
