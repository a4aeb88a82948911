"""The comparison with the reference leaves out what was run already, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edgepack.compile import CCode
from tests.compile import harness
from tests.compile.harness import Case, mismatches
from tests.compile.test_operators import ALL


def case(name: str) -> Case:
    make, engine = ALL[name]
    return Case(name, make(np.random.default_rng(0)), engine)


@pytest.mark.parametrize(("name", "built"), [("reverse", [["m0"], []]), ("fully_connected", [["m0"], ["m0"]])])
def test_the_same_c_is_run_once_and_other_c_for_each_cpu(
    monkeypatch: pytest.MonkeyPatch, name: str, built: list[list[str]]
) -> None:
    found: list[list[str]] = []
    build = harness.build

    def noted(codes: Sequence[CCode], flags: Sequence[str], **options: bytes) -> object:
        found.append([code.name for code in codes])
        return build(codes, flags, **options)

    monkeypatch.setattr(harness, "build", noted)
    assert mismatches([case(name)], "generic", "cortex-m4") == []
    assert found == built


def test_a_wrong_byte_is_told_with_case_and_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    right = harness.run_reference

    def wrong(*given: object) -> object:
        first, *rest = right(*given)  # type: ignore[arg-type]
        return [tuple(array ^ 1 for array in first), *rest]

    monkeypatch.setattr(harness, "run_reference", wrong)
    (line,) = mismatches([case("reverse")], "generic", "cortex-m4")
    assert line.startswith("reverse [generic]: output 0 differs at ")
