"""Data is brought into the order, shape and type in which a model takes it, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.sources import Dataset, SourceModel, Split, TensorSpec, match_data


def model(*inputs: tuple[str, tuple[int | None, ...], str]) -> SourceModel:
    specs = tuple(TensorSpec(*entry) for entry in inputs)
    return SourceModel("keras", Path("model.h5"), "0", None, (), Path(), False, specs, ())


def dataset(*arrays: np.ndarray, names: tuple[str, ...] = ()) -> Dataset:
    split = Split(tuple(arrays), np.zeros(len(arrays[0]), np.int64))
    return Dataset(split, split, split, Split(tuple(arrays), None), "0", (), {}, names)


def test_named_inputs_come_in_the_models_order(cache: Cache) -> None:
    small, large = np.zeros((5, 2), np.float32), np.zeros((5, 3), np.float32)
    source = model(("large", (3,), "float32"), ("small", (2,), "float32"))
    matched = match_data(dataset(small, large, names=("small", "large")), source, cache)
    assert [array.shape for array in matched.test.inputs] == [(5, 3), (5, 2)]
    assert matched.input_names == ("large", "small")


@pytest.mark.parametrize(("given", "wanted"), [((8, 8), (8, 8, 1)), ((8, 8, 1), (8, 8)), ((8, 8, 1), (None, None, 1))])
def test_a_channel_axis_of_one_may_be_missing_or_extra(given: Any, wanted: Any, cache: Cache) -> None:
    values = np.arange(5 * 64, dtype=np.float32).reshape(5, *given)
    matched = match_data(dataset(values), model(("x", wanted, "float32")), cache)
    assert len(matched.train.inputs[0].shape) == len(wanted) + 1
    np.testing.assert_array_equal(matched.representative.inputs[0].ravel(), values.ravel())


def test_whole_numbers_and_floats_are_exchanged_for_the_model(cache: Cache) -> None:
    tokens = np.arange(10, dtype=np.int32).reshape(5, 2)
    as_float = match_data(dataset(tokens), model(("x", (2,), "float32")), cache).test.inputs[0]
    assert (as_float.dtype, np.asarray(as_float).dtype) == (np.float32, np.float32)
    assert not list(cache.folder.glob("*"))  # cast while it is read
    np.testing.assert_array_equal(np.asarray(as_float), tokens)
    halves = match_data(dataset(np.full((5, 2), 2.0, np.float32)), model(("x", (2,), "int32")), cache).test.inputs[0]
    assert isinstance(halves, np.memmap) and halves.dtype == np.int32
    back = match_data(dataset(as_float), model(("x", (2,), "int32")), cache).test.inputs[0]
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back, tokens)


def test_a_quantized_model_is_given_real_values(cache: Cache) -> None:
    values = np.ones((5, 2), np.float32)
    assert match_data(dataset(values), model(("x", (2,), "int8")), cache).test.inputs[0].dtype == np.float32


@pytest.mark.parametrize(
    ("data", "source", "text"),
    [
        (
            dataset(np.zeros((5, 28, 28))),
            model(("image", (32, 32, 3), "float32")),
            "shape 28x28, the model's input image takes 32x32x3",
        ),
        (dataset(np.zeros((5, 2))), model(("a", (2,), "float32"), ("b", (2,), "float32")), r"2 inputs \(a, b\), the data has 1"),
        (
            dataset(np.zeros((5, 2)), np.zeros((5, 2)), names=("a", "c")),
            model(("a", (2,), "float32"), ("b", (2,), "float32")),
            "'c' is not an input",
        ),
        (dataset(np.full((5, 2), 0.5, np.float32)), model(("tokens", (2,), "int32")), "holds fractions"),
    ],
)
def test_data_that_does_not_fit_is_refused(data: Dataset, source: SourceModel, text: str, cache: Cache) -> None:
    with pytest.raises(DataError, match=text) as error:
        match_data(data, source, cache)
    assert error.value.code == "EP-315"
