"""Mutated files: each is read, or refused with a ModelError, in bounded time. A failure prints the seed that gives it again.

EDGEPACK_FUZZ=100000 sets the number of files of the long run (marked slow); after a change of the reader let it be many.
"""

from __future__ import annotations

import os
import resource
import time
from collections import Counter
from pathlib import Path

import pytest

from edgepack.flatbuffer import inspect_model, read_model
from edgepack.ground.errors import ModelError
from tests.flatbuffer.build import conv_model
from tests.flatbuffer.control_flow import control_flow
from tests.flatbuffer.mutate import Mutator

QUICK = 3_000
LONG = int(os.environ.get("EDGEPACK_FUZZ", "20000"))
SECONDS = 2.0


def generated_models() -> dict[str, bytes]:
    return {"conv": conv_model(), "control flow": control_flow()}


def real_models(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*.tflite"))}


def fuzz(models: dict[str, bytes], count: int, seed: int) -> Counter[str]:
    """Read and inspect `count` mutated files of `models`; how often each outcome occurred."""
    outcomes: Counter[str] = Counter()
    mutators = [(name, Mutator(data, seed)) for name, data in models.items()]
    for number in range(count):
        name, mutator = mutators[number % len(mutators)]
        data = mutator.next()
        start = time.process_time()
        try:
            model = read_model(data)
            if number % 4 == 0 or len(data) < 10_000:
                inspect_model(model)
            outcomes["read"] += 1
        except ModelError as error:
            outcomes[error.code] += 1
        except BaseException as error:
            raise AssertionError(f"{name}, seed {seed}, file {number}: {type(error).__name__}: {error}") from error
        assert time.process_time() - start < SECONDS, f"{name}, seed {seed}, file {number} took too long"
    return outcomes


def test_the_models_to_mutate_are_readable() -> None:
    for data in generated_models().values():
        inspect_model(read_model(data))


def test_mutated_small_models_are_read_or_refused() -> None:
    outcomes = fuzz(generated_models(), QUICK, seed=1)
    assert outcomes["read"] > QUICK * 0.02
    assert len(outcomes) >= 8, f"the mutations reach too few checks: {outcomes}"


def test_mutated_real_models_are_read_or_refused(shared_models: Path) -> None:
    outcomes = fuzz(real_models(shared_models), QUICK, seed=2)
    assert outcomes["read"] > QUICK * 0.02
    assert len(outcomes) >= 6, f"the mutations reach too few checks: {outcomes}"


@pytest.mark.slow
def test_many_mutated_files(shared_models: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes = fuzz({**real_models(shared_models), **generated_models()}, LONG, seed=3)
    assert outcomes.total() == LONG
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024  # KiB
    print(dict(outcomes))
