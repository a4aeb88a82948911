"""A sample of random networks runs under AddressSanitizer and UBSan, every buffer allocated at its exact size."""

from __future__ import annotations

from itertools import compress
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.flatbuffer import read_model
from tests.compile.harness import c_text, inputs_for
from tests.compile.networks import random_network
from tests.compile.reference import run_reference
from tests.compile.sanitized import run_sanitized
from tests.compile.test_operators import ALL


@pytest.mark.slow
@pytest.mark.parametrize(("cpu", "but"), [("generic", None), ("cortex-m4", "generic")])
@pytest.mark.parametrize("what", ["networks", "operators"])
def test_no_sanitizer_complains_and_the_bits_are_right(tmp_path: Path, cpu: str, but: str | None, what: str) -> None:
    if what == "networks":
        models = [(random_network(seed), "tflite-ref") for seed in range(30_000, 30_040)]
    else:
        models = [(make(np.random.default_rng(seed)), engine) for make, engine in ALL.values() for seed in (1, 2)]
    codes = [compile_model(read_model(model), f"m{i}", cpu) for i, (model, _) in enumerate(models)]
    if but is not None:  # most operators' C is the same for both CPUs, and was checked for the other
        others = [compile_model(read_model(model), code.name, but) for (model, _), code in zip(models, codes, strict=True)]
        new = [c_text(code) != c_text(other) for code, other in zip(codes, others, strict=True)]
        codes, models = list(compress(codes, new)), list(compress(models, new))
    assert len(codes) > 3
    sets = [inputs_for(read_model(model), 1, 3) for model, _ in models]
    found = run_sanitized(codes, [single[0] for single in sets], tmp_path)
    expected = b"".join(
        output.tobytes()
        for (model, engine), single in zip(models, sets, strict=True)
        for output in run_reference(model, single, engine)[0]
    )
    assert found == expected
