"""Reductions over axes that do not exist are refused, wherever the shape would let them through."""

from __future__ import annotations

import pytest

from tests.compile.test_refusals import SHAPE, refused


@pytest.mark.parametrize("axis", [4, 5, -5, -6])
@pytest.mark.parametrize("name", ["MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"])
def test_an_axis_out_of_range_is_refused(name: str, axis: int) -> None:
    for kept in (True, False):
        error = refused(name, "ReducerOptions", ([axis],), out=SHAPE, keepDims=kept)
        assert error.code == "EP-704" and "axis" in str(error)
