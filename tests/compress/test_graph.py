"""Models of every make become flat functional ones that compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress.keras.graph import LONGEST_UNROLL, flat_model
from edgepack.ground.errors import RecipeError

from .small import fresh


def outputs_of(model: Any, inputs: list[Any]) -> list[Any]:
    found = model.predict(inputs, verbose=0)
    return found if isinstance(found, list) else [found]


def check_same(model: Any, *shapes: tuple[int, ...]) -> tuple[Any, list[str]]:
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(4, *shape)).astype(np.float32) for shape in shapes]
    before = outputs_of(model, inputs)
    flat, notes = flat_model(model, shapes)
    for first, second in zip(before, outputs_of(flat, inputs), strict=True):
        np.testing.assert_array_equal(first, second)
    return flat, notes


def test_a_pretrained_part_within_a_sequential_model_is_put_in_line() -> None:
    keras = fresh(0)
    layers = keras.layers
    base = keras.Sequential([layers.Conv2D(4, 3, input_shape=(8, 8, 3)), layers.BatchNormalization(), layers.ReLU()], name="base")
    model = keras.Sequential([layers.Rescaling(0.1, input_shape=(8, 8, 3)), base, layers.GlobalMaxPooling2D(), layers.Dense(3)])
    flat, notes = check_same(model, (8, 8, 3))
    assert notes == ["nested models put in line: base"]
    assert [type(layer).__name__ for layer in flat.layers][1:5] == ["Rescaling", "Conv2D", "BatchNormalization", "ReLU"]


def test_a_nested_model_called_twice_shares_its_weights_and_keeps_names_unique() -> None:
    keras = fresh(0)
    layers = keras.layers
    inner = keras.Sequential([layers.Dense(5, activation="relu", name="same"), layers.Dense(8, name="b")], name="inner")
    start = keras.Input((8,))
    once = inner(start)
    model = keras.Model(start, layers.Dense(3, name="same")(layers.Add()([once, inner(once)])))
    count = model.count_params()
    flat, _ = check_same(model, (8,))
    assert flat.count_params() == count
    assert sorted(layer.name for layer in flat.layers if "Dense" in type(layer).__name__) == ["b", "inner_same", "same"]


def test_nested_models_with_several_inputs_and_outputs_keep_their_order() -> None:
    keras = fresh(0)
    layers = keras.layers
    a, b = keras.Input((4,), name="z"), keras.Input((6,), name="a")
    inner = keras.Model([a, b], [layers.Dense(3)(a), layers.Dense(2)(b)], name="inner")
    c, d = keras.Input((4,), name="second"), keras.Input((6,), name="first")
    left, right = inner([c, d])
    flat, _ = check_same(keras.Model([c, d], [layers.ReLU(name="r")(right), layers.ReLU(name="l")(left)]), (4,), (6,))
    assert flat.input_names == ["second", "first"]
    assert [tuple(output.shape[1:]) for output in flat.outputs] == [(2,), (3,)]


def test_open_image_sizes_are_fixed_to_the_datas() -> None:
    keras = fresh(0)
    start = keras.Input((None, None, 3))
    model = keras.Model(start, keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(start)))
    flat, _ = check_same(model, (12, 10, 3))
    assert flat.input_shape == (None, 12, 10, 3)


def test_operations_without_a_layer_are_kept() -> None:
    keras = fresh(0)
    start = keras.Input((8,))
    check_same(keras.Model(start, keras.layers.Dense(3)(start * 2.0 + 1.0)), (8,))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layers_are_unrolled_wherever_they_hide(kind: str) -> None:
    keras = fresh(0)
    layers = keras.layers
    start = keras.Input((6, 3))
    x = layers.Bidirectional(getattr(layers, kind)(4, return_sequences=True), name="both")(start)
    flat, notes = check_same(keras.Model(start, getattr(layers, kind)(5, name="one")(x)), (6, 3))
    assert notes == ["recurrent layers unrolled, so that they can be quantized: both, one"]
    assert flat.get_layer("one").unroll


def test_a_sequence_too_long_to_unroll_is_refused_by_name() -> None:
    keras = fresh(0)
    start = keras.Input((LONGEST_UNROLL + 1, 2))
    with pytest.raises(RecipeError, match="layer slow runs over 257 time steps") as caught:
        flat_model(keras.Model(start, keras.layers.GRU(2, name="slow")(start)), [(LONGEST_UNROLL + 1, 2)])
    assert caught.value.code == "EP-411"


def test_a_lambda_is_refused_by_name() -> None:
    keras = fresh(0)
    start = keras.Input((4,))
    with pytest.raises(RecipeError, match="layer double is a Lambda") as caught:
        flat_model(keras.Model(start, keras.layers.Lambda(lambda x: x * 2, name="double")(start)), [(4,)])
    assert caught.value.code == "EP-411"


def test_a_subclassed_model_is_refused() -> None:
    keras = fresh(0)

    class Own(keras.Model):  # type: ignore[misc,name-defined]
        def call(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(RecipeError, match="subclassed") as caught:
        flat_model(Own(name="own"), [(4,)])
    assert caught.value.code == "EP-411"
