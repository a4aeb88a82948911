"""The `edgepack` command as a user runs it: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.user_cache import user_cache
from tests.compile.builder import ModelBuilder

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture()
def edgepack(tmp_path: Path) -> Run:
    """Run the command in an empty folder with a home of its own; keyword arguments go to subprocess.run.

    What was compiled or unpacked for one home is there for the next, but for a test that gives a home itself.
    """

    def run(*words: object, env: dict[str, str] | None = None, **options: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgepack", *map(str, words)]
        surroundings = {**os.environ, "HOME": str(tmp_path / "home"), "COLUMNS": "120", **(env or {})}
        if env is None or "HOME" not in env:
            surroundings.setdefault("EDGEPACK_CACHE", str(user_cache()))
        for name in ("EDGEPACK_DATA", "EDGEPACK_RPI", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            if env is None or name not in env:
                surroundings.pop(name, None)
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=surroundings,
            timeout=300,
            stdin=subprocess.DEVNULL,
            **options,
        )

    (tmp_path / "home").mkdir()
    return run


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fully connected layer and a softmax, int8."""
    generator = np.random.default_rng(5)
    builder = ModelBuilder()
    inputs = builder.tensor((1, 8), scale=0.05, name="input")
    weights = builder.tensor((4, 8), scale=0.02, data=generator.integers(-127, 128, (4, 8)).astype(np.int8), name="dense/kernel")
    bias = builder.tensor(
        (4,), "int32", scale=0.05 * 0.02, data=generator.integers(-500, 500, 4).astype(np.int32), name="dense/bias"
    )
    hidden = builder.tensor((1, 4), scale=0.04, zero_point=3, name="dense/MatMul")
    output = builder.tensor((1, 4), scale=1 / 256, zero_point=-128, name="softmax/Softmax")
    builder.operator("FULLY_CONNECTED", [inputs, weights, bias], [hidden], "FullyConnectedOptions")
    builder.operator("SOFTMAX", [hidden], [output], "SoftmaxOptions", beta=1.0)
    file = tmp_path_factory.mktemp("model") / "small.tflite"
    file.write_bytes(builder.finish([inputs], [output]))
    return file
