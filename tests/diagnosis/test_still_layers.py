"""Layers that never change are found by name, and a file that XNNPACK refuses for them runs all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress.quantization import aware
from edgepack.compress.quantization.calibration import calibrate
from edgepack.diagnosis import StillLayers, find_still_layers
from edgepack.ground.progress import SilentProgress
from edgepack.runners import describe_model, run_model
from edgepack.sources import Split

from ..compress.small import fresh
from ..convert.small_files import int8_file

IMAGES = np.random.default_rng(0).normal(size=(24, 6, 6, 2)).astype(np.float32)


def chain(*layers: Callable[[Any, Any], Any]) -> Any:
    k = fresh(1)
    never = k.initializers.Constant(-100.0)
    parts = [layer(k.layers, never) for layer in layers]
    return k.Sequential(
        [k.layers.Input((6, 6, 2)), *parts, k.layers.Flatten(), k.layers.Dense(3, activation="softmax", name="head")]
    )


def half_dead(shape: Any, dtype: Any = None) -> Any:
    return np.array([-100.0, 0.0, 0.0], np.float32)


MODELS: dict[str, tuple[Callable[[], Any], tuple[str, ...], tuple[str, ...], bool]] = {
    "alive": (lambda: chain(lambda k, _: k.Conv2D(3, 3, activation="relu", name="conv")), (), (), False),
    "one channel dead": (
        lambda: chain(lambda k, _: k.Conv2D(3, 3, activation="relu", bias_initializer=half_dead, name="conv")),
        (),
        (),
        False,
    ),
    "dense": (
        lambda: chain(lambda k, no: k.Flatten(), lambda k, no: k.Dense(5, "relu", bias_initializer=no, name="dead")),
        ("dead",),
        (),
        True,
    ),
    "convolution and a ReLU layer": (
        lambda: chain(lambda k, no: k.Conv2D(3, 3, bias_initializer=no, name="conv"), lambda k, _: k.ReLU(name="relu")),
        ("conv",),
        (),
        True,
    ),
    "depthwise after one that lives": (
        lambda: chain(
            lambda k, _: k.Conv2D(3, 3, activation="relu", name="conv"),
            lambda k, no: k.DepthwiseConv2D(3, activation="relu", bias_initializer=no, name="dead"),
        ),
        ("dead",),
        (),
        True,
    ),
    "a sigmoid at its end": (
        lambda: chain(lambda k, no: k.Conv2D(3, 3, activation="sigmoid", bias_initializer="ones", name="conv"), _times_thousand),
        (),
        ("gate",),
        True,
    ),
}


def _times_thousand(layers: Any, _: Any) -> Any:
    return layers.Conv2D(
        2, 1, activation="sigmoid", bias_initializer=lambda shape, dtype=None: np.full(shape, 1e3, np.float32), name="gate"
    )


def found_in(model: Any, folder: Path) -> tuple[StillLayers, Path]:
    file = folder / "model.tflite"
    file.write_bytes(int8_file(model, IMAGES))
    with SilentProgress().stage("") as task:
        return find_still_layers(file, [IMAGES], task), file


@pytest.mark.parametrize("name", MODELS)
def test_the_first_layer_that_never_changes_is_named(name: str, tmp_path: Path) -> None:
    build, dead, constant, output = MODELS[name]
    found, _ = found_in(build(), tmp_path)
    assert (found.dead, found.constant, found.output, found.examples) == (dead, constant, output, 24)
    assert len(found.warnings) == bool(dead) + bool(constant) + output
    assert all(layer in " ".join(found.warnings) for layer in (*dead, *constant))


def test_a_branch_that_is_dead_does_not_stop_the_others(tmp_path: Path) -> None:
    k = fresh(1)
    given = k.Input((6, 6, 2))
    dead = k.layers.Conv2D(3, 3, activation="relu", bias_initializer=k.initializers.Constant(-100.0), name="dead")(given)
    alive = k.layers.Conv2D(3, 3, activation="relu", name="alive")(given)
    end = k.layers.Dense(3, name="head")(k.layers.Flatten()(k.layers.Concatenate()([dead, alive])))
    found, _ = found_in(k.Model(given, end), tmp_path)
    assert (found.dead, found.constant, found.output) == (("dead",), (), False)


def test_a_file_that_xnnpack_refuses_runs_with_the_runtimes_own_kernels_and_says_so(tmp_path: Path) -> None:
    _, file = found_in(MODELS["dense"][0](), tmp_path)
    assert describe_model(file)["engine"] == "litert-builtin"
    codes = IMAGES[:4].astype(np.int8)
    np.testing.assert_array_equal(run_model(file, [codes])[0], run_model(file, [codes], "litert-builtin")[0])


@pytest.mark.parametrize("trained", [True, False])
def test_ranges_of_a_dead_layer_that_edgepack_chooses_suit_xnnpack(trained: bool, tmp_path: Path) -> None:
    wrapped, _ = aware.wrap(MODELS["dense"][0]())
    if trained:
        aware.calibrate(wrapped, Split((IMAGES,), None), 8)
    else:
        with SilentProgress().stage("") as task:
            calibrate(wrapped, Split((IMAGES,), None), "mse", 99.9, task)
    found, file = found_in(wrapped, tmp_path)
    assert describe_model(file)["engine"] == "litert"
    assert found.dead == ("dead",) and found.output
