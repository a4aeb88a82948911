"""Layer classes as users write them: with sublayers, with and without a get_config."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any

from edgepack.sources import import_tf_keras


@cache
def own_layers() -> SimpleNamespace:
    """The classes, made when tf_keras is there."""
    keras = import_tf_keras()

    class Two(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Two sublayers of one kind; its keyword arguments are not called kwargs, so that Keras stores no name."""

        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.first, self.second = keras.layers.Dense(6, activation="tanh"), keras.layers.Dense(6)

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

    class Plain(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Takes no argument at all."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = keras.layers.Dense(6), keras.layers.Dense(6)

        def call(self, inputs: Any) -> Any:
            return self.second(self.first(inputs))

    class Scaled(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Its get_config leaves out what all layers have."""

        def __init__(self, factor: float, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, inputs: Any) -> Any:
            return inputs * self.factor

        def get_config(self) -> dict[str, Any]:
            return {"factor": self.factor}

    class Forgetful(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Its get_config lacks an argument."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = keras.layers.Dense(units)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def get_config(self) -> dict[str, Any]:
            config: dict[str, Any] = super().get_config()
            return config

    class Around(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """Is given a layer, which Keras cannot write down by itself."""

        def __init__(self, inner: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = inner

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    class Cell(keras.layers.Layer):  # type: ignore[misc,name-defined]
        """A recurrent cell."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = self.state_size = units

        def build(self, shape: Any) -> None:
            self.given = self.add_weight(name="given", shape=(shape[-1], self.units))
            self.kept = self.add_weight(name="kept", shape=(self.units, self.units))

        def call(self, inputs: Any, states: Any) -> Any:
            import tensorflow as tf

            new = tf.tanh(inputs @ self.given + states[0] @ self.kept)
            return new, [new]

        def get_config(self) -> dict[str, Any]:
            return {"units": self.units}

    return SimpleNamespace(Two=Two, Plain=Plain, Scaled=Scaled, Forgetful=Forgetful, Around=Around, Cell=Cell)
