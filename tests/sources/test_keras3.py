"""A Keras 3 model computes the same once it is rebuilt with Keras 2, stored and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from edgepack.sources.keras.keras3.rebuild import rebuild
from tests.sources.models import KERAS_3_MODELS, randomise


def examples(shapes: list[tuple[int | None, ...]], integer: bool) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    full = [(5, *(size or 12 for size in shape[1:])) for shape in shapes]
    return [random.integers(0, 11, shape) if integer else random.normal(size=shape).astype(np.float32) for shape in full]


def flat(outputs: Any) -> list[np.ndarray]:
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    return [np.asarray(output) for output in (outputs if isinstance(outputs, list) else [outputs])]


@pytest.mark.parametrize("name", KERAS_3_MODELS)
def test_the_rebuilt_model_gives_the_outputs_of_keras_3(name: str, tmp_path: Path) -> None:
    keras, tf_keras = import_keras3(), import_tf_keras()
    keras.utils.set_random_seed(7)
    model = KERAS_3_MODELS[name](keras)
    if name != "scaled":
        randomise(model)
    built = rebuild(model, "model.keras", {})
    built.save(tmp_path / "model.h5")
    built = tf_keras.models.load_model(tmp_path / "model.h5", compile=False)
    inputs = examples([tensor.shape for tensor in model.inputs], name == "attention")
    named = {tensor.name: array for tensor, array in zip(model.inputs, inputs, strict=True)}
    wanted = flat(model.predict(named if len(inputs) > 1 else inputs[0], verbose=0))
    found = flat(built.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
    assert len(wanted) == len(found)
    for one, two in zip(wanted, found, strict=True):
        assert one.shape == two.shape
        assert np.ptp(one) > 0
        np.testing.assert_allclose(two, one, atol=1e-5, rtol=0)


def test_layers_keep_their_names() -> None:
    model = KERAS_3_MODELS["residual"](import_keras3())
    built = rebuild(model, "model.keras", {})
    assert {layer.name for layer in built.layers} == {layer.name for layer in model.layers}


def test_a_mixed_precision_model_becomes_float32() -> None:
    keras = import_keras3()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, dtype="mixed_float16")])
    assert rebuild(model, "model.keras", {}).layers[-1].compute_dtype == "float32"


def test_an_operation_that_keras_2_cannot_express_is_named() -> None:
    keras = import_keras3()
    start = keras.Input((8,))
    model = keras.Model(start, keras.ops.median(keras.layers.Dense(8)(start), axis=1))
    with pytest.raises(ModelError, match=r"operation median.* \(Median\)") as error:
        rebuild(model, "model.keras", {})
    assert error.value.code == "EP-232"


def test_a_different_activation_inside_of_a_layer_is_refused_rather_than_changed() -> None:
    keras = import_keras3()
    model = keras.Sequential([keras.Input((8, 3)), keras.layers.LSTM(2, activation="hard_silu")])
    with pytest.raises(ModelError, match="activation hard_silu inside of a layer"):
        rebuild(model, "model.keras", {})


def test_a_keras_3_layer_of_the_users_own_says_to_write_it_for_keras_2() -> None:
    keras = import_keras3()

    class Doubled(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    model = keras.Sequential([keras.Input((8,)), Doubled(), keras.layers.Dense(2)])
    with pytest.raises(ModelError, match="Doubled is written for Keras 3") as error:
        rebuild(model, "model.py", {"Doubled": Doubled})
    assert "tf_keras.layers.Layer" in error.value.hint


def test_what_only_fails_while_rebuilding_is_an_error_of_one_line() -> None:
    keras = import_keras3()
    model = keras.Sequential([keras.Input((5, 3), batch_size=2), keras.layers.LSTM(4, stateful=True)])
    with pytest.raises(ModelError) as error:
        rebuild(model, "model.keras", {})
    assert (error.value.code, "\n" in str(error.value)) == ("EP-232", False)
