"""Which activations are simulated by TF-MOT's own configurations, and which by ours."""

from __future__ import annotations

import pytest

from edgepack.compress.quantization.aware_layers import own_config

from .small import fresh


@pytest.mark.parametrize(
    ("activation", "own"), [("relu", False), ("relu6", False), ("softmax", False), ("swish", False), ("elu", True)]
)
def test_an_activation_that_tf_mot_knows_is_left_to_it(activation: str, own: bool) -> None:
    keras = fresh(0)
    start = keras.Input((4,))
    model = keras.Model(start, keras.layers.Activation(activation, name="act")(keras.layers.Dense(3)(start)))
    assert own_config(model, model.get_layer("act")) == ({"act": True} if own else {})
