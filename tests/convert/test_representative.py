"""Calibration takes training examples, one by one, float32, and as many as are sensible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgepack.convert.representative import FEWEST, MOST, choose, generator
from edgepack.ground.errors import ConvertError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, Split

from ..compress.small import noise


def data(train: int, representative: int) -> Dataset:
    whole = noise(((3,),), 2, count=2000)
    rows = np.arange(train, dtype=np.float64)[:, None].repeat(3, axis=1)
    return replace(whole, train=Split((rows,), None), representative=Split((rows[:representative],), None))


@pytest.mark.parametrize(
    ("train", "representative", "count", "last"),
    [(1000, 200, 200, 199), (1000, 20, MOST, 999), (60, 20, 60, 59), (5000, 3000, MOST, 2999), (60, 60, 60, 59)],
)
def test_how_many_and_which(train: int, representative: int, count: int, last: int) -> None:
    split, rows = choose(data(train, representative))
    assert len(rows) == len(set(rows)) == count >= min(FEWEST, train)
    assert rows[0] == 0 and split.inputs[0][rows[-1], 0] == last


def test_test_examples_are_never_used() -> None:
    given = data(0, 0)
    with pytest.raises(ConvertError) as caught:
        choose(given)
    assert len(given.test) > 100 and caught.value.code == "EP-452"


def test_each_example_is_a_batch_of_one_of_the_models_type() -> None:
    split, rows = choose(data(10, 10))
    with SilentProgress().stage("") as task:
        examples = list(generator(split, rows, [np.float32], task)())
    assert len(examples) == 10
    assert all(len(example) == 1 and example[0].shape == (1, 3) and example[0].dtype == np.float32 for example in examples)


def test_the_generator_can_be_walked_twice() -> None:
    split, rows = choose(data(10, 10))
    with SilentProgress().stage("") as task:
        again = generator(split, rows, [np.float32], task)
        assert len(list(again())) == len(list(again())) == 10
