"""Codes give back what they were given, in the bytes that theory says."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.coding import CODES, Code, entropy_bytes, find_code, padded
from edgepack.ground.errors import ProjectError
from tests.coding.tensors import normal, tensors
from tests.compile.structured import values_of

TENSORS = tensors()


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
@pytest.mark.parametrize("which", TENSORS)
def test_decoding_gives_back_every_value(code: Code, which: str) -> None:
    values = TENSORS[which]
    coded = code.encode(values)
    if coded is None:
        kinds = np.unique(padded(values) if code.name != "pairs" else padded(values).view(np.uint16)).size
        assert kinds > {"palette": 32, "ternary": 3, "pairs": 64, "gaps": 63}[code.name] or (code.name == "pairs" and kinds == 1)
        return
    assert code.size(values) == len(coded)
    assert np.array_equal(code.decode(coded, values.size), values)
    assert code.encode(values.copy()) == coded


def test_known_codes_of_a_few_values() -> None:
    """Worked out by hand, as docs/guides/coding.md shows them."""
    values = np.array([0, 0, 5, 0, -3, 0, 0, 5], np.int8)
    assert find_code("palette").encode(values) == bytes([2, 0xFD, 0, 5, 0, 0b01100101, 0b10010100])
    assert find_code("bitmap").encode(values) == bytes([0b10010100, 5, 0xFD, 5])
    assert find_code("runs").encode(values) == bytes([2, 5, 1, 0xFD, 2, 5])
    assert find_code("blocks").encode(values) == bytes([0b11, 0, 0, 5, 0, 0xFD, 0, 0, 5])
    first, second = 1 * 81 + 1 * 27 + 2 * 9 + 1 * 3 + 0, 1 * 81 + 1 * 27 + 2 * 9
    assert find_code("ternary").encode(values) == bytes([0xFD, 0, 5, first, second])


@pytest.mark.parametrize("kind", ["pruned and clustered", "pruned", "ternary", "clustered", "sparse", "dense"])
@pytest.mark.parametrize("size", [4096, 36_864])
def test_the_entropy_code_is_near_the_bound(kind: str, size: int) -> None:
    values = normal(size, size) if kind == "dense" else values_of(kind, normal(size, size), np.random.default_rng(size))
    coded = find_code("ans").size(values)
    assert coded is not None
    assert entropy_bytes(values) <= coded
    # Its head says which values occur how often: two bytes each, and six.
    head = 6 + 2 * np.unique(values).size
    assert coded <= 1.05 * entropy_bytes(values) + (head if size == 4096 else 0)


def test_pairs_are_as_near_the_bound_of_ternary_weights() -> None:
    values = values_of("ternary", normal(36_864, 5), np.random.default_rng(5))
    assert entropy_bytes(values) <= find_code("pairs").size(values) <= 1.01 * entropy_bytes(values) + 5 + 3 * 9


def test_gaps_are_as_near_the_bound_of_pruned_and_clustered_weights() -> None:
    values = values_of("pruned and clustered", normal(36_864, 6), np.random.default_rng(6))
    assert entropy_bytes(values) <= find_code("gaps").size(values) <= 1.05 * entropy_bytes(values)


@pytest.mark.parametrize("zeros", [0, 1, 63, 64, 65, 1000])
def test_gaps_of_any_length_come_back(zeros: int) -> None:
    values = np.array([3, *[0] * zeros, -4, *[0] * zeros], np.int8)
    coded = find_code("gaps").encode(values)
    assert coded is not None and np.array_equal(find_code("gaps").decode(coded, values.size), values)


def test_fixed_codes_have_their_sizes() -> None:
    values = values_of("ternary", normal(4000, 1), np.random.default_rng(1))
    assert find_code("ternary").size(values) == 3 + 800
    assert find_code("palette").size(values) == 1 + 4 + 1000
    assert find_code("bitmap").size(values) == 500 + np.count_nonzero(values)


def test_an_unknown_code_is_refused_by_name() -> None:
    with pytest.raises(ProjectError, match="unknown code 'zip'") as raised:
        find_code("zip")
    assert raised.value.code == "EP-710"


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_no_code_is_smaller_than_it_says(code: Code) -> None:
    sizes = [(code.least(values), code.size(values)) for values in TENSORS.values()]
    assert all(size is None or least <= size for least, size in sizes)
