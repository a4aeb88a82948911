"""Layers of several nested models that have one name get names of their own."""

from __future__ import annotations

from .small import fresh
from .test_graph import check_same


def test_two_nested_models_may_name_their_layers_alike() -> None:
    keras = fresh(0)
    layers = keras.layers
    left, right = (keras.Sequential([layers.Dense(5, name="same", input_shape=(8,))], name=name) for name in ("left", "right"))
    third = keras.Sequential([layers.Dense(5, name="same"), layers.Dense(5, name="right_same")], name="third")
    start = keras.Input((8,))
    model = keras.Model(start, layers.Dense(2, name="head")(third(layers.Add()([left(start), right(start)]))))
    flat, _ = check_same(model, (8,))
    names = [layer.name for layer in flat.layers]
    assert len(set(names)) == len(names)
    dense = sorted(layer.name for layer in flat.layers if "Dense" in type(layer).__name__)
    assert len(dense) == 5 and {"same", "head"} < set(dense)
