"""`trust = true` runs what a model file brings along, and the report says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.api.inputs import as_request
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.project import load_project
from edgepack.sources import load_model, open_keras
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from edgepack.sources.limits import LoadLimits, limits_of
from edgepack.workers.confinement.memory import half_the_memory
from tests.sources.conftest import MakeProject
from tests.sources.hostile import plain

QUIET = SilentProgress()
EXAMPLES = np.ones((2, 4), np.float32)


def with_lambda(keras: Any) -> Any:
    start = keras.Input((4,))
    twice = keras.layers.Lambda(lambda x: x * 2.0, output_shape=(4,), name="twice")
    return keras.Model(start, keras.layers.Dense(2)(twice(start)))


@pytest.mark.parametrize("name", ["m.h5", "m.keras", "saved"])
def test_a_trusted_lambda_is_run_and_noted(name: str, folder: Path, cache: Cache, project: MakeProject) -> None:
    model = with_lambda(import_tf_keras())
    model.save(folder / name, **({"save_format": "tf"} if name == "saved" else {}))
    source = load_model(project(model=name, trust=True), cache, QUIET)
    np.testing.assert_allclose(np.asarray(open_keras(source)(EXAMPLES)), np.asarray(model(EXAMPLES)), atol=1e-6)
    assert len(source.notes) == 1
    assert source.notes[0].startswith("the model file's own code was run: trust = true")
    assert "layer twice is a Lambda" in source.notes[0]
    assert source.settings.trust
    with pytest.raises(ModelError) as error:  # what a trusted run left in the cache is not taken for a checked model
        load_model(project(model=name), cache, QUIET)
    assert (error.value.code, "--trust" in error.value.hint) == ("EP-223", True)


def test_a_trusted_function_is_called(folder: Path, cache: Cache, project: MakeProject) -> None:
    keras = import_tf_keras()
    import tensorflow as tf

    start = keras.Input((4,))
    keras.Model(start, keras.layers.Dense(2)(tf.debugging.check_numerics(start, "no number"))).save(folder / "m.h5")
    with pytest.raises(ModelError, match=r"calls tf\.debugging\.check_numerics") as error:
        load_model(project(model="m.h5"), cache, QUIET)
    assert error.value.code == "EP-237"
    source = load_model(project(model="m.h5", trust=True), cache, QUIET)
    assert "debugging.check_numerics" in source.notes[0]


def test_a_trusted_file_of_weights_is_opened(folder: Path, cache: Cache, project: MakeProject) -> None:
    with_lambda(import_tf_keras()).save(folder / "donor.keras")
    (folder / "model.py").write_text(
        "import tf_keras\ndef build():\n    layers = tf_keras.layers\n"
        "    return tf_keras.Sequential([layers.Input((4,)), layers.Dense(2)])\n"
    )
    with pytest.raises(ModelError) as error:
        load_model(project(weights="donor.keras"), cache, QUIET)
    assert error.value.code == "EP-223"
    assert "twice is a Lambda" in load_model(project(weights="donor.keras", trust=True), cache, QUIET).notes[0]


def test_the_key_and_the_argument_say_the_same(folder: Path) -> None:
    (folder / "edgepack.toml").write_text('[model]\nsource = "m.h5"\ntrust = true\n')
    assert load_project(folder).model.trust
    (folder / "edgepack.toml").write_text('[model]\nsource = "m.h5"\n')
    assert not load_project(folder).model.trust
    assert load_project(folder, as_request(folder, trust=True).overrides).model.trust
    assert as_request(folder).overrides == ()


def test_limits_are_keys_of_the_project(folder: Path) -> None:
    (folder / "edgepack.toml").write_text('[model]\nsource = "m.h5"\nmax_load_memory = "24 GiB"\n')
    settings = load_project(folder, ["model.max_load_time=1800 s"]).model
    assert limits_of(settings) == LoadLimits(24 << 30, 1800.0)
    (folder / "edgepack.toml").write_text('[model]\nsource = "m.h5"\n')
    assert limits_of(load_project(folder).model) == LoadLimits(half_the_memory(), 600.0)
    for memory, time, limits in (("1 B", "1 ms", (64 << 20, 0.001)), ("1e200 GiB", "1e200 s", (1 << 60, 1e9))):
        found = limits_of(load_project(folder, [f"model.max_load_memory={memory}", f"model.max_load_time={time}"]).model)
        assert (found.memory, found.seconds) == limits
    for wrong in ('max_load_memory = "0 B"', 'max_load_memory = "-1 GiB"', 'max_load_time = "long"'):
        (folder / "edgepack.toml").write_text(f'[model]\nsource = "m.h5"\n{wrong}\n')
        with pytest.raises(ProjectError, match="max_load"):
            load_project(folder)


def test_trusting_a_harmless_file_says_nothing(folder: Path, cache: Cache, project: MakeProject) -> None:
    plain(import_tf_keras()).save(folder / "m.keras")
    assert load_model(project(model="m.keras", trust=True), cache, QUIET).notes == ()


def test_a_lambda_of_keras_3_has_no_counterpart_even_when_trusted(folder: Path, cache: Cache, project: MakeProject) -> None:
    with_lambda(import_keras3()).save(folder / "three.keras")
    with pytest.raises(ModelError, match="twice is a Lambda") as error:
        load_model(project(model="three.keras", trust=True), cache, QUIET)
    assert "trust" not in error.value.hint
