"""What is only data goes on being opened: the checks refuse no setting, function or layer that computes on tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_model, open_keras
from edgepack.sources.keras import allowed
from edgepack.sources.keras.frameworks import import_tf_keras
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()


def everything(keras: Any) -> Any:
    """Functions of TensorFlow and Keras's backend, operators, slices, a compiled model within, and parts given as objects."""
    import tensorflow as tf

    layers, backend = keras.layers, keras.backend
    start = keras.Input((6, 6, 2))
    x = layers.Conv2D(
        4,
        3,
        padding="same",
        kernel_initializer=keras.initializers.VarianceScaling(2.0),
        bias_initializer=tf.constant_initializer(0.5),
        kernel_regularizer=keras.regularizers.L1L2(0.1, 0.1),
        bias_constraint=keras.constraints.MaxNorm(3),
        activation=tf.nn.relu6,
    )(start)
    x = tf.nn.relu(x - 0.1) + tf.math.sigmoid(x) * 2.0 / (1.0 + tf.abs(x))
    x = tf.concat([x[:, 1:, ::2, :], tf.reverse(x[:, 1:, ::2, :], [2])], axis=-1)
    x = tf.pad(tf.transpose(x, [0, 2, 1, 3]), [[0, 0], [1, 1], [0, 0], [0, 0]])
    x = tf.compat.v1.squeeze(tf.expand_dims(tf.clip_by_value(x, -3.0, 3.0), 1), 1)
    x = tf.nn.avg_pool2d(tf.image.resize(x, (8, 8)), 2, 2, "SAME")
    x = backend.mean(backend.square(x), axis=1) + tf.reduce_max(x, axis=1)
    x = tf.where(x > 0.2, x, tf.zeros_like(x)) ** 2.0
    x = tf.keras.activations.elu(tf.cast(x, tf.float32))
    inside = keras.Sequential([keras.Input((8,)), layers.Dense(4, activation=layers.LeakyReLU(0.1))], name="inside")
    inside.compile(keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy", "AUC"])
    model = keras.Model(start, layers.Dense(2, activation=tf.nn.silu)(layers.Flatten()(layers.TimeDistributed(inside)(x))))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "saved"])
def test_functions_of_tensorflow_come_through(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    model = everything(import_tf_keras())
    model.save(folder / name, **({"save_format": "tf"} if name == "saved" else {}))
    examples = np.random.default_rng(3).normal(size=(4, 6, 6, 2)).astype(np.float32)
    found = open_keras(load_model(project(model=name), cache, QUIET))(examples, training=False)
    np.testing.assert_allclose(np.asarray(found), np.asarray(model(examples, training=False)), atol=1e-5)


OWN = """
import tf_keras

@tf_keras.saving.register_keras_serializable("mine")
class Twice(tf_keras.layers.Layer):
    def __init__(self, way="either", **settings):
        super().__init__(**settings)
        self.activation = way
    def call(self, inputs):
        return inputs * 2.0
    def get_config(self):
        return super().get_config() | {"way": self.activation, "activation": "my own"}
    @classmethod
    def from_config(cls, config):
        return cls(**{key: value for key, value in config.items() if key != "activation"})

class Halves(tf_keras.initializers.Initializer):
    def __call__(self, shape, dtype=None, **settings):
        return tf_keras.backend.ones(shape) / 2.0

CUSTOM_OBJECTS = {"Twice": Twice, "Halves": Halves}

def build():
    layers = tf_keras.layers
    dense = layers.Dense(2, kernel_initializer=Halves())
    return tf_keras.Sequential([layers.Input((4,)), Twice(name="twice"), dense])
"""


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "saved"])
def test_the_users_own_layers_and_initializers_come_through(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    """Registered with Keras under another name or not; a layer's own settings are its own affair."""
    (folder / "model.py").write_text(OWN)
    space: dict[str, Any] = {}
    exec(compile(OWN, "model.py", "exec"), space)
    model = space["build"]()
    model.save(folder / name, **({"save_format": "tf"} if name == "saved" else {}))
    source = load_model(project(model=name, custom_objects="model.py:CUSTOM_OBJECTS"), cache, QUIET)
    examples = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(np.asarray(open_keras(source)(examples)), np.asarray(model(examples)), atol=1e-6)


def test_every_function_on_the_list_exists_in_tensorflow() -> None:
    """A misspelt name would refuse what was meant to be allowed."""
    import_tf_keras()
    import tensorflow  # noqa: F401
    from tensorflow.python.util.tf_export import get_symbol_from_name

    names = sorted(allowed.TENSOR_FUNCTIONS)
    assert [name for name in names if not (get_symbol_from_name(name) or get_symbol_from_name(f"compat.v1.{name}"))] == []


def test_every_operator_on_the_list_exists_in_tensorflow() -> None:
    import_tf_keras()
    from tensorflow.python.framework import op_def_registry

    from edgepack.sources.keras.allowed_operators import OPERATORS, SAVING_OPERATORS

    assert [name for name in sorted(OPERATORS | SAVING_OPERATORS) if op_def_registry.get(name) is None] == []


def test_the_layers_of_keras_that_are_left_out_are_known() -> None:
    """A new layer of Keras 2 has to be put on the list, or here."""
    keras = import_tf_keras()
    classes = {name for name in dir(keras.layers) if isinstance(getattr(keras.layers, name), type)}
    assert classes - allowed.LAYERS == {"AbstractRNNCell", "DenseFeatures", "Lambda", "Layer", "Wrapper"}
