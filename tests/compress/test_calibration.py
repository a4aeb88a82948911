"""Calibrated ranges clip outliers where that helps, and the int8 file shows it in a runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgepack.compress import Compressed, compress
from edgepack.compress.quantization.calibration import Histogram, mse_range, percentile_range, rounding_error
from edgepack.convert import convert
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from tests.convert.runtime import run

from .small import dataset, fresh, recipe, source_of

RNG = np.random.default_rng(0)


def histogram(values: Any) -> Histogram:
    found = Histogram(min(0.0, float(values.min())), max(0.0, float(values.max())))
    found.add(values)
    return found


def stored(values: Any, low: float, high: float) -> Any:
    """Values rounded to 256 levels, zero among them, by hand."""
    step = (high - low) / 255
    zero = np.round(-low / step)
    return (np.clip(np.round(values / step) + zero, 0, 255) - zero) * step


def test_a_percentile_is_that_of_numpy_without_the_zeros() -> None:
    values = np.abs(RNG.normal(size=50_000))
    values[::2] = 0
    low, high = percentile_range(histogram(values), 99.0)
    assert low == 0
    assert high == pytest.approx(np.percentile(values[values > 0], 99.0), abs=0.002)
    both = RNG.normal(size=50_000)
    low, high = percentile_range(histogram(both), 99.0)
    assert (low, high) == pytest.approx(tuple(np.percentile(both, (0.5, 99.5))), abs=0.002)


def test_the_rounding_error_is_that_of_the_values() -> None:
    values = RNG.normal(size=20_000)
    for low, high in ((-4.0, 4.0), (-1.0, 2.0)):
        by_hand = np.mean((values - stored(values, low, high)) ** 2)
        assert rounding_error(histogram(values), low, high) == pytest.approx(by_hand, rel=0.02)


def test_the_least_error_clips_an_outlier_and_nothing_of_even_values() -> None:
    values = np.append(RNG.normal(size=400_000), 20.0)
    low, high = mse_range(histogram(values))
    extremes = float(np.mean((values - stored(values, values.min(), 20.0)) ** 2))
    assert high < 15 and np.mean((values - stored(values, low, high)) ** 2) < 0.9 * extremes
    even = RNG.uniform(-2, 3, size=20_000)
    assert mse_range(histogram(even)) == pytest.approx((-2, 3), rel=0.06)


def outlier_net() -> tuple[Any, Any]:
    """A net of ReLUs, and data of which one training example in four thousand is forty times as large as all others."""
    keras = fresh(1)
    start = x = keras.Input((6,), name="x")
    for name in ("first", "second"):
        x = keras.layers.Dense(24, activation="relu", name=name)(x)
    model = keras.Model(start, keras.layers.Dense(4, name="head")(x))
    inputs = RNG.normal(size=(4200, 6)).astype(np.float32)
    inputs[100] *= 40  # calibration sees every fourth example, and the converter the first 150
    return model, dataset(("outliers",), (inputs,), RNG.integers(0, 4, 4200), 4000, 100)


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory, accuracy: Metric) -> dict[str, float]:
    """Mean squared error of the int8 file's outputs on ordinary examples, for each calibration."""
    folder = tmp_path_factory.mktemp("calibration")
    model, data = outlier_net()
    source = source_of(model, folder / "source")
    x = data.test.inputs[0][:60]
    wanted = np.asarray(model(x))
    found = {}
    for calibration in ("minmax", "percentile", "mse"):
        steps = recipe({"step": "quantize", "aware": False, "calibration": calibration})
        compressed: Compressed = compress(source, data, steps, accuracy, Cache(folder / "cache"), SilentProgress())
        converted = convert(compressed, data, Cache(folder / "cache"), SilentProgress())
        assert converted.proof.fully_integer
        found[calibration] = float(np.mean((run(converted.file, x)[0] - wanted) ** 2))
    return found


def test_outputs_improve_in_a_runtime_where_activations_have_outliers(errors: dict[str, float]) -> None:
    assert errors["percentile"] < errors["minmax"] / 2
    # Clipping that one example would cost more than all others win, so that the least error keeps it.
    assert errors["mse"] < 1.1 * errors["minmax"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"calibration": "mse"}, "calibration is for int8 after training"),
        ({"calibration": "mse", "scheme": "int16x8"}, "calibration is for int8 after training"),
        ({"aware": False, "percentile": 99.0}, "percentile has no meaning"),
    ],
)
def test_calibration_that_has_no_meaning_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ProjectError) as caught:
        recipe({"step": "quantize", **options})
    assert caught.value.code == "EP-405" and text in str(caught.value)
