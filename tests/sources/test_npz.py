"""NumPy archives become four splits of float32 arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, load_data
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()


def numbered(count: int, first: int = 0) -> np.ndarray:
    """Examples that can be told apart: example i holds i everywhere."""
    return np.repeat(np.arange(first, first + count, dtype=np.float64), 6).reshape(count, 2, 3)


def rows(data: Dataset, split: str) -> set[int]:
    return {int(example.flat[0]) for example in getattr(data, split).inputs[0]}


@pytest.mark.parametrize(
    "keys",
    [("x_train", "y_train", "x_test", "y_test"), ("xtr", "ytr", "xte", "yte"), ("X_train", "Y_train", "X_test", "Y_test")],
)
def test_arrays_are_found_under_the_documented_names(
    keys: tuple[str, ...], folder: Path, cache: Cache, project: MakeProject
) -> None:
    labels = np.arange(40, dtype=np.uint8) % 4
    np.savez(folder / "d.npz", **dict(zip(keys, (numbered(40), labels, numbered(8, 100), labels[:8]), strict=True)))
    data = load_data(project("d.npz"), cache, QUIET)
    assert rows(data, "test") == set(range(100, 108))
    assert rows(data, "train") | rows(data, "validation") == set(range(40))
    for index, label in enumerate(data.train.labels):
        assert label == int(data.train.inputs[0][index].flat[0]) % 4


@pytest.mark.parametrize("names", [(0, 1, 2), ("train", "val", "test")])
def test_a_split_column_divides_one_array(names: tuple[object, ...], folder: Path, cache: Cache, project: MakeProject) -> None:
    column = np.array([names[index % 3] for index in range(30)])
    np.savez_compressed(folder / "d.npz", x=numbered(30), y=np.arange(30) // 3 % 2, split=column, classes=np.array(["no", "yes"]))
    data = load_data(project("d.npz"), cache, QUIET)
    assert rows(data, "train") == set(range(0, 30, 3))
    assert rows(data, "validation") == set(range(1, 30, 3))
    assert rows(data, "test") == set(range(2, 30, 3))
    assert data.class_names == ("no", "yes")


def test_missing_splits_are_cut_in_proportion_and_never_overlap(folder: Path, cache: Cache, project: MakeProject) -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    np.savez(folder / "d.npz", x=numbered(160), y=labels)
    data = load_data(project("d.npz", test=0.2, validation=0.25, representative=16), cache, QUIET)
    parts = [rows(data, name) for name in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [96, 32, 32]
    assert set.union(*parts) == set(range(160))
    assert list(np.bincount(data.test.labels)) == [20, 10, 2]
    assert list(np.bincount(data.validation.labels)) == [20, 10, 2]
    assert len(data.representative) == 16
    assert rows(data, "representative") <= parts[0]


def test_the_split_depends_on_the_seed_alone(folder: Path, tmp_path: Path, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=numbered(60), y=np.arange(60) % 3)
    first, again, other = (
        load_data(project("d.npz", seed=seed), Cache(tmp_path / name), QUIET) for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    )
    assert rows(first, "test") == rows(again, "test") != rows(other, "test")
    assert first.sha256 == again.sha256 != other.sha256


def test_arrays_are_memory_mapped_and_read_only(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=numbered(20).astype(np.float64), y=np.arange(20) % 2)
    array = load_data(project("d.npz"), cache, QUIET).train.inputs[0]
    assert isinstance(array, np.memmap)
    assert array.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1


def test_token_numbers_stay_integers(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=numbered(20).astype(np.int64), y=np.arange(20) % 2)
    assert load_data(project("d.npz"), cache, QUIET).train.inputs[0].dtype == np.int32


def test_files_are_scaled_as_the_project_says(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=numbered(20).astype(np.uint8), y=np.arange(20) % 2)
    settings = {"scale": 0.5, "offset": 1.0, "mean": [0.0, 1.0, 2.0], "std": 4.0}
    data = load_data(project("d.npz", preprocessing=settings), cache, QUIET)
    raw = load_data(project("d.npz"), cache, QUIET)
    expected = (np.asarray(raw.test.inputs[0]) * 0.5 + 1.0 - np.array([0.0, 1.0, 2.0])) / 4.0
    np.testing.assert_allclose(data.test.inputs[0], expected, rtol=1e-6)
    assert data.preprocessing == settings


def test_scaling_for_other_channels_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=numbered(20), y=np.arange(20) % 2)
    with pytest.raises(DataError, match="mean has 2 values, the inputs 3 channels") as error:
        load_data(project("d.npz", preprocessing={"mean": [1.0, 2.0]}), cache, QUIET)
    assert error.value.code == "EP-319"


def test_the_archives_of_the_reference_data_are_read(shared_data: Path, cache: Cache, project: MakeProject) -> None:
    digits = load_data(project(), cache, QUIET, shared_data / "mnist_13000.npz")
    assert (len(digits.train) + len(digits.validation), len(digits.test)) == (10000, 3000)
    words = load_data(project(), cache, QUIET, shared_data / "asc_mfcc.npz")
    assert (len(words.class_names), words.train.inputs[0].shape[1:]) == (40, (49, 10))
    images = load_data(project(), cache, QUIET, shared_data / "cifar10_test.npz")
    assert images.class_names[:2] == ("airplane", "automobile")
    assert images.train.inputs[0].shape[1:] == (32, 32, 3)


def test_a_file_of_another_kind_is_refused_with_those_that_are_read(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "data.mat").write_bytes(b"MATLAB 5.0")
    with pytest.raises(DataError, match=r"data\.mat: not a kind of data edgepack reads") as error:
        load_data(project("data.mat"), cache, QUIET)
    assert (error.value.code, error.value.hint) == ("EP-301", "give an .npz, a folder of images or a function in data.py")


def test_the_ending_may_be_in_capitals(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=numbered(20), y=np.arange(20) % 2)
    (folder / "d.npz").rename(folder / "D.NPZ")
    assert len(load_data(project("D.NPZ"), cache, QUIET).train) > 0


def damaged(folder: Path, keep: float) -> Path:
    np.savez_compressed(folder / "whole.npz", x=np.random.default_rng(0).normal(size=(50, 9)), y=np.arange(50) % 2)
    content = (folder / "whole.npz").read_bytes()
    (folder / "cut.npz").write_bytes(content[: int(len(content) * keep)])
    return folder / "cut.npz"


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(keep: float, folder: Path, cache: Cache, project: MakeProject) -> None:
    damaged(folder, keep)
    with pytest.raises(DataError, match=r"cut\.npz: not a whole \.npz archive") as error:
        load_data(project("cut.npz"), cache, QUIET)
    assert error.value.code == "EP-302"
    assert not [entry for entry in cache.folder.iterdir() if entry.is_dir()]


def test_a_flipped_byte_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    file = damaged(folder, 1.0)
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0x55
    file.write_bytes(content)
    with pytest.raises(DataError) as error:
        load_data(project("cut.npz"), cache, QUIET)
    assert error.value.code == "EP-302"


def test_pickled_arrays_are_never_read(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", x=np.array([[1], [2, 3]], dtype=object), y=np.array([0, 1]))
    with pytest.raises(DataError, match="x holds Python objects") as error:
        load_data(project("d.npz"), cache, QUIET)
    assert error.value.code == "EP-308"


def test_unknown_names_are_listed(folder: Path, cache: Cache, project: MakeProject) -> None:
    np.savez(folder / "d.npz", features=numbered(3), target=np.arange(3))
    with pytest.raises(DataError, match="the archive has features, target") as error:
        load_data(project("d.npz"), cache, QUIET)
    assert error.value.code == "EP-303"
    assert "x_train" in error.value.hint


@pytest.mark.parametrize(
    "values", [("Training", "Val", "TEST"), ("train_set", "validation", "testing"), (0.0, 1.0, 2.0), (b"train", b"val", b"test")]
)
def test_a_column_of_splits_may_be_written_in_any_usual_way(
    values: tuple[object, ...], folder: Path, cache: Cache, project: MakeProject
) -> None:
    np.savez(folder / "d.npz", x=numbered(30), y=np.arange(30) % 2, split=np.repeat(np.array(values), 10))
    data = load_data(project("d.npz"), cache, QUIET)
    assert rows(data, "validation") == set(range(10, 20)) and rows(data, "test") == set(range(20, 30))
