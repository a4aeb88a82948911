"""Each sample is a project like a user's: it loads, its data fits its model, and its model is the one it says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compress import check_recipe
from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.project import Project, init, load_project
from edgepack.sources import Dataset, SourceModel, load_data, load_model, match_data, open_keras
from edgepack.sources.data import npz

SAMPLES = Path(__file__).resolve().parents[2] / "sample_models"
QUIET = SilentProgress()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("samples") / "cache")


def loaded(project: Project, cache: Cache, path: Path | None) -> tuple[Dataset, SourceModel]:
    data = load_data(project, cache, QUIET, path)
    source = load_model(project, cache, QUIET, data)
    return match_data(data, source, cache), source


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()))
def test_a_sample_has_the_files_of_a_project_and_a_valid_recipe(name: str) -> None:
    files = {path.name for path in (SAMPLES / name).iterdir()}
    assert {"edgepack.toml", "model.py", "data.py", "README.md"} <= files
    project = load_project(SAMPLES / name)
    assert project.name == name
    assert [step.name for step in check_recipe(project.recipe)] == ["train", "prune", "quantize"]


def test_digits_are_whole_and_split_by_class(cache: Cache) -> None:
    data, source = loaded(load_project(SAMPLES / "digits"), cache, None)
    assert len(data.train) + len(data.validation) + len(data.test) == 1797
    assert np.bincount(data.test.labels).min() >= 34
    assert (data.train.inputs[0].min(), data.train.inputs[0].max()) == (0.0, 1.0)
    assert open_keras(source).count_params() == 12186
    assert data.preprocessing["scale"] == "1 / 16"


def test_the_anomalies_are_never_trained_on(cache: Cache) -> None:
    from sklearn.datasets import load_digits

    data, source = loaded(load_project(SAMPLES / "anomaly_detection"), cache, None)
    assert data.train.labels is None and data.validation.labels is None
    digits = load_digits()
    normal = {row.tobytes() for row in (digits.data[digits.target < 5] / 16).astype(np.float32)}
    anomalies = {row.tobytes() for row in (digits.data[digits.target >= 5] / 16).astype(np.float32)}
    learnt = {
        row.tobytes() for split in (data.train, data.validation, data.representative) for row in np.asarray(split.inputs[0])
    }
    assert learnt <= normal and not learnt & anomalies
    shown = np.asarray(data.test.inputs[0])
    assert all((shown[index].tobytes() in anomalies) == bool(label) for index, label in enumerate(data.test.labels))
    assert [tensor.shape for tensor in (*source.inputs, *source.outputs)] == [(64,), (64,)]


def test_an_autoencoder_takes_the_size_of_other_data(cache: Cache, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x_train=random.random((50, 5, 4)), x_test=random.random((10, 5, 4)), y_test=np.arange(10) % 2)
    _, source = loaded(load_project(SAMPLES / "anomaly_detection"), cache, tmp_path / "d.npz")
    assert source.inputs[0].shape == (20,)


def test_keywords_say_which_data_they_need(cache: Cache, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros((3, 2)))
    for path in (None, tmp_path, tmp_path / "other.npz"):
        with pytest.raises(DataError, match=r"x \(clips x 49 x 10, MFCC\)") as error:
            load_data(load_project(SAMPLES / "keyword_spotting"), cache, QUIET, path)
        assert error.value.code == "EP-305"


def layer_table(model: Any) -> list[tuple[str, tuple[int | None, ...], tuple[Any, ...]]]:
    kinds = ("kernel_size", "strides", "padding", "use_bias", "pool_size", "filters", "rate", "activation")

    def settings(layer: Any) -> tuple[Any, ...]:
        config = layer.get_config()
        return tuple(str(config[key]) for key in kinds if key in config)

    return [(type(layer).__name__, layer.output_shape, settings(layer)) for layer in model.layers[1:]]


def test_the_keyword_model_is_the_benchmarks(shared_models: Path, shared_data: Path, cache: Cache) -> None:
    data, source = loaded(load_project(SAMPLES / "keyword_spotting"), cache, shared_data)
    assert len(data.class_names) == 40
    assert [len(split) for split in (data.train, data.validation, data.test)] == [7200, 2400, 2400]
    reference = load_project(SAMPLES / "keyword_spotting", [f"model.source={shared_models / 'kws_ref_model'}"])
    ours, theirs = layer_table(open_keras(source)), layer_table(open_keras(load_model(reference, cache, QUIET)))
    assert ours[:-1] == theirs[:-1]
    assert ours[-1][1] == (None, 40) and theirs[-1][1] == (None, 12)


def test_the_image_model_is_the_benchmarks(shared_models: Path, cache: Cache, tmp_path: Path) -> None:
    project = load_project(SAMPLES / "image_classification")
    ours = open_keras(load_model(project, cache, QUIET))
    reference = load_project(SAMPLES / "image_classification", [f"model.source={shared_models / 'pretrainedResnet.h5'}"])
    assert layer_table(ours) == layer_table(open_keras(load_model(reference, cache, QUIET)))
    assert ours.count_params() == 78666


@pytest.mark.slow
def test_the_benchmarks_weights_reach_their_published_accuracy(shared_models: Path, shared_data: Path, cache: Cache) -> None:
    """87.19 % of the 10,000 test images, measured with the benchmark's own model file."""
    project = load_project(SAMPLES / "image_classification", [f"model.weights={shared_models / 'pretrainedResnet.h5'}"])
    data, source = loaded(project, cache, shared_data)
    assert (len(data.train) + len(data.validation), data.class_names[0]) == (15000, "airplane")
    found = open_keras(source).predict(data.test.inputs[0], batch_size=200, verbose=0).argmax(axis=1)
    assert np.mean(found == data.test.labels) == pytest.approx(0.8719, abs=1e-4)


GUIDE = SAMPLES.parent / "docs" / "guides" / "data.md"
# What each sample's model takes, and how many classes the archive has.
SHAPES = {"anomaly_detection": (64,), "digits": (8, 8, 1), "image_classification": (32, 32, 3), "keyword_spotting": (49, 10)}


def names_of(split: str) -> list[str]:
    """The names that the guide lists for a split."""
    row = next(line for line in GUIDE.read_text().splitlines() if line.startswith(f"| {split} | `x_"))
    return re.findall(r"`(\w+)`", row)


def test_the_guide_lists_the_names_that_are_read() -> None:
    for split, pairs in npz._KEYS.items():
        assert {name.lower() for name in names_of(split)} == {name for pair in pairs for name in pair if name}


@pytest.mark.parametrize("name", [*SHAPES, "template"])
def test_a_sample_takes_every_name_that_the_guide_lists(name: str, tmp_path: Path) -> None:
    shape = SHAPES.get(name, (16, 16, 1))
    file = (SAMPLES / name if name in SHAPES else Path(init.__file__).parent / "template") / "data.py"
    spec = importlib.util.spec_from_file_location(f"data_of_{name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    x, y = np.random.default_rng(0).random((20, *shape)).astype(np.float32), np.arange(20) % 2
    splits = ("train", "test", "validation")
    for number in range(max(len(npz._KEYS[split]) for split in splits)):
        pairs = [npz._KEYS[split][number % len(npz._KEYS[split])] for split in splits]
        np.savez(tmp_path / "d.npz", **{name: array for pair in pairs for name, array in zip(pair, (x, y), strict=True)})
        found = module.load(tmp_path / "d.npz")
        assert set(splits) <= set(found), pairs
        assert np.asarray(found["test"][0]).size == x.size and np.array_equal(found["test"][1], y)
    np.savez(tmp_path / "d.npz", X=x, y=y, split=np.repeat([0, 1, 2], [10, 4, 6]))
    assert [len(module.load(tmp_path / "d.npz")[split][0]) for split in ("train", "validation", "test")] == [10, 4, 6]
