"""What is read from elsewhere is bounded; the files and messages it comes in are tried in tests/project/test_hostile_files.py."""

from __future__ import annotations

import pytest

from edgepack.ground.foreign import parse_json, whole_number


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("512", 512), ("", None), ("-1", None), ("²", None), ("9" * 19, None)])
def test_a_whole_number_is_told_from_what_only_looks_like_one(text: str, number: int | None) -> None:
    assert whole_number(text) == number


def test_numbers_that_are_not_finite_are_taken_where_they_are_meant() -> None:
    assert parse_json("[1e999]", finite=False) == [float("inf")]
    with pytest.raises(ValueError, match="not finite"):
        parse_json("[1e999]")


def test_nesting_has_a_depth() -> None:
    assert parse_json("[" * 64 + "]" * 64)
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json("[" * 66 + "]" * 66)
