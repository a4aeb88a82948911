from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel

from edgepack.ground.plain import plain, typed


@dataclass(frozen=True)
class Part:
    name: str
    share: float = 0.5


@dataclass(frozen=True)
class Whole:
    file: Path
    parts: tuple[Part, ...]
    first: Part | None
    interval: tuple[float, float] | None
    sizes: tuple[int, ...] = ()
    free: dict[str, Any] = field(default_factory=dict)
    either: int | str | None = None


class Options(BaseModel):
    sparsity: float = 0.5
    layers: tuple[str, ...] = ("a", "b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": math.nan, "d": (math.inf, 1), 3: None}, {"a": None, "d": [None, 1], "3": None}),
        ([np.float32(0.5), np.float64(math.nan), np.int8(3), np.bool_(True)], [0.5, None, 3, True]),
        (np.array([[1.0, math.inf]]), [[1.0, None]]),
        ({"b", "a", "c"}, ["a", "b", "c"]),
        (Path("a") / "b", "a/b"),
        ("caf\udce9", "caf?"),
        ({Path("caf\udce9"): True}, {"caf?": True}),
        (Options(), {"sparsity": 0.5, "layers": ["a", "b"]}),
        (Part("x", math.nan), {"name": "x", "share": None}),
        (ValueError("what"), "what"),
    ],
)
def test_every_value_has_one_plain_form(value, expected):
    found = plain(value)
    assert found == expected
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


def test_plain_numbers_have_pythons_own_types():
    assert [type(one) for one in plain([np.float64(1), np.float32(1), np.int64(1), np.bool_(False)])] == [float, float, int, bool]


def test_a_dataclass_comes_back_from_its_plain_form():
    one = Whole(Path("a/b"), (Part("x"), Part("y", 1)), Part("z"), (0.1, 0.9), (1, 2), {"any": [1, {"b": None}]}, "text")
    again = typed(Whole, json.loads(json.dumps(plain(one))))
    assert again == one
    assert isinstance(again.parts[1].share, int), "a number is written the same again"


def test_absent_values_are_the_defaults_and_unknown_ones_are_passed_over():
    found = typed(Whole, {"file": "a", "parts": [{"name": "x", "later": 3}], "first": None, "interval": None, "later": {}})
    assert found == Whole(Path("a"), (Part("x", 0.5),), None, None)


def test_a_number_that_json_lacks_comes_back_as_nan():
    assert math.isnan(typed(Part, {"name": "x", "share": None}).share)


@pytest.mark.parametrize("values", [{}, {"file": "a", "parts": 3, "first": None, "interval": None}, {"file": 3}, []])
def test_what_is_of_another_structure_is_refused(values):
    with pytest.raises((KeyError, TypeError, ValueError)):
        typed(Whole, values)
