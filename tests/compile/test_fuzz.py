"""Mutated models are compiled or refused with a line and a hint, in bounded time and memory; nothing else may come out.

Many more of them: `python benchmarks/fuzz/run.py --count 20000`.

A failure names the seed and the file: `python benchmarks/fuzz/run.py --seed SEED --show FILE` gives it again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz.chunks import Chunk, run_chunks, run_here
from benchmarks.fuzz.mutants import Mutants
from benchmarks.fuzz.originals import Original, originals
from edgepack.flatbuffer import read_model

QUICK = 1_500
LONG = 5_000
OF_EACH = 50
REFERENCE_MODELS = ("kws_ref_model", "pretrainedResnet_quant")


@pytest.fixture(scope="module")
def small() -> list[Original]:
    return originals()


def refuse_findings(chunk: Chunk, seed: int) -> None:
    wrong = [f"seed {seed}, file {number}: {found.kind}\n{found.text}" for number, found in chunk.findings]
    assert not wrong, "\n\n".join(wrong)


def test_every_model_that_is_mutated_can_be_read(small: list[Original]) -> None:
    assert len(small) > 300
    for original in small:
        read_model(original.content)


def test_a_number_gives_the_same_file_whichever_were_made_before(small: list[Original]) -> None:
    forward = [Mutants(small, 5).file(number) for number in range(60)]
    backward = [Mutants(small, 5).file(number) for number in reversed(range(60))]
    assert forward == backward[::-1]
    assert len({content for _, content in forward}) > 50


def test_no_file_of_a_range_is_left_out(small: list[Original]) -> None:
    chunks = list(run_chunks(Mutants(small, 6), 100, 1_300))
    assert [chunk.stop for chunk in chunks] == [600, 1_100, 1_300]
    assert sum(sum(chunk.outcomes.values()) for chunk in chunks) == 1_200


def test_mutated_models_of_every_operator_are_compiled_or_refused(small: list[Original]) -> None:
    chunk = run_here(Mutants(small, 1), range(QUICK))
    refuse_findings(chunk, 1)
    assert chunk.outcomes["compiled"] > QUICK * 0.1
    assert len(chunk.outcomes) >= 12, f"the mutations reach too few checks: {chunk.outcomes}"


@pytest.mark.slow
def test_more_mutated_models_are_compiled_or_refused(small: list[Original]) -> None:
    for chunk in run_chunks(Mutants(small, 2), 0, LONG):
        refuse_findings(chunk, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_mutants_of_the_reference_models_are_compiled_or_refused(shared_models: Path, name: str) -> None:
    model = Original(name, (shared_models / f"{name}.tflite").read_bytes())
    refuse_findings(run_here(Mutants([model], 7), range(OF_EACH)), 7)
