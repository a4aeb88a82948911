"""Each operator alone, with random shapes and quantization, equals the reference runtime byte for byte."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.compile.harness import Case, assert_exact

Maker = Callable[[np.random.Generator], bytes]


def _collect() -> dict[str, tuple[Maker, str]]:
    """The CASES of every cases*.py beside this file, with the engine that defines correct (ENGINES, else tflite-ref)."""
    found: dict[str, tuple[Maker, str]] = {}
    for file in sorted(Path(__file__).parent.glob("cases*.py")):
        module = importlib.import_module(f"tests.compile.{file.stem}")
        engines = getattr(module, "ENGINES", {})
        found |= {name: (make, engines.get(name, "tflite-ref")) for name, make in module.CASES.items()}
    return found


ALL = _collect()


@pytest.mark.parametrize("name", sorted(ALL))
def test_operator_equals_the_reference(name: str) -> None:
    make, engine = ALL[name]
    assert_exact([Case(f"{name} seed {seed}", make(np.random.default_rng(seed)), engine) for seed in range(40)])
