"""Damaged models are compiled or refused with a hint, in bounded time; nothing else may come out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.compile.mutate import mutants, outcome, sources

REFERENCE_MODELS = ("kws_ref_model", "pretrainedResnet_quant")


@pytest.mark.parametrize("seed", range(4))
def test_mutants_of_every_operator_are_compiled_or_refused(seed: int) -> None:
    wrong = []
    for number, (name, (make, _)) in enumerate(sorted(sources().items())):
        rng = np.random.default_rng([seed, number])
        wrong += [f"{name}: {found}" for mutant in mutants(make(rng), 4, rng) if (found := outcome(mutant))]
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_mutants_of_the_reference_models_are_compiled_or_refused(shared_models: Path, name: str) -> None:
    rng = np.random.default_rng(7)
    model = (shared_models / f"{name}.tflite").read_bytes()
    wrong = [found for mutant in mutants(model, 150, rng) if (found := outcome(mutant))]
    assert not wrong, "\n".join(wrong)
