"""Which engines must give a pack's golden vectors bit for bit, by what the pack says of who made them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgepack.engines.errors import WrongOutputs
from edgepack.engines.golden import check_of, refuse_wrong
from edgepack.engines.types import Runner
from edgepack.pack.golden.reference import LITERT, MICRO
from edgepack.runners import REFERENCE
from edgepack.runners.native import ENGINE as GENERATED_C

OFF_BY_ONE = {"count": 24, "inputs_differing": 1, "max_difference": 1, "median_difference": 0, "argmax_moved": 0}


def vectors(folder: Path, engine: str) -> Path:
    (folder / "golden.json").write_text(json.dumps({"engine": engine, "outputs": [{"dtype": "int8"}]}))
    np.zeros((24, 10), np.int8).tofile(folder / "output_0.bin")
    return folder


def runner(engine: str) -> Runner:
    return Runner(("run",), engine, "1", threads=1, runtime="device", timeout=10)


@pytest.mark.parametrize("reference", [REFERENCE, MICRO, LITERT])
def test_the_generated_c_must_agree_whoever_made_the_vectors(tmp_path: Path, reference: str) -> None:
    check = check_of(OFF_BY_ONE, runner(GENERATED_C), vectors(tmp_path, reference))
    with pytest.raises(WrongOutputs, match="must agree exactly") as caught:
        refuse_wrong("pi", runner(GENERATED_C), check)
    assert "must not ship" in caught.value.hint


@pytest.mark.parametrize("reference", [REFERENCE, LITERT])
def test_reference_kernels_must_give_the_vectors_that_they_made(tmp_path: Path, reference: str) -> None:
    check = check_of(OFF_BY_ONE, runner(reference), vectors(tmp_path, reference))
    with pytest.raises(WrongOutputs, match="must agree exactly"):
        refuse_wrong("pi", runner(reference), check)


@pytest.mark.parametrize(("engine", "reference"), [(REFERENCE, MICRO), (LITERT, REFERENCE), ("litert", REFERENCE)])
def test_other_kernels_may_round_differently_and_the_difference_is_told(tmp_path: Path, engine: str, reference: str) -> None:
    check = check_of(OFF_BY_ONE, runner(engine), vectors(tmp_path, reference))
    refuse_wrong("pi", runner(engine), check)
    assert check.tolerance == 16 and check.inputs_differing == 1
