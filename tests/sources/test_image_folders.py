"""Splits are told from classes in the layouts that people download, and what is neither is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Dataset, load_data
from edgepack.sources.data.folders import find_layout
from edgepack.sources.data.split_names import split_of
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()


def images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("L", (3, 2), number).save(folder / f"{number}.png")


def split(folder: Path, count: int) -> None:
    for name in ("ant", "bee"):
        images(folder / name, count)


def origins(data: Dataset) -> dict[str, tuple[int, str]]:
    assert data.summary is not None
    return {found.name: (found.examples, found.origin) for found in data.summary.splits}


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("Training", "Validation", "Testing"),
        ("Train", "Val", "Test"),
        ("TRAIN", "VALID", "TEST"),
        ("training_set", "validation_set", "test_set"),
        ("Training Set", "Validation Set", "Test Set"),
        ("train-images", "val-images", "test-images"),
        ("trainset", "valset", "testset"),
        ("TrainData", "ValData", "TestData"),
        ("train2017", "val2017", "test2017"),
        ("dataset_train", "dataset_dev", "dataset_test"),
        ("seg_train/seg_train", "seg_val/seg_val", "seg_test/seg_test"),
        ("asl_alphabet_train/asl_alphabet_train", "asl_alphabet_valid", "asl_alphabet_test"),
        ("archive/chest_xray/train", "archive/chest_xray/val", "archive/chest_xray/test"),
    ],
)
def test_splits_are_told_by_every_usual_name(
    train: str, validation: str, test: str, folder: Path, cache: Cache, project: MakeProject
) -> None:
    split(folder / "imgs" / train, 6)
    split(folder / "imgs" / validation, 2)
    split(folder / "imgs" / test, 4)
    data = load_data(project("imgs"), cache, QUIET)
    assert data.class_names == ("ant", "bee")
    assert origins(data) == {
        "train": (12, f"from {train}/"),
        "validation": (4, f"from {validation}/"),
        "test": (8, f"from {test}/"),
    }
    assert data.warnings == ()


def test_classes_may_be_called_what_splits_are_called(folder: Path, cache: Cache, project: MakeProject) -> None:
    for name in ("bus", "car", "train"):
        images(folder / "imgs" / name, 10)
    data = load_data(project("imgs"), cache, QUIET)
    assert data.class_names == ("bus", "car", "train")
    for name in ("bus", "train"):
        images(folder / "more/train" / name, 10)
    assert load_data(project("more"), cache, QUIET).class_names == ("bus", "train")


@pytest.mark.parametrize("name", ["teapot", "protest", "val_thorens", "train_station", "constraint", "trainer", "train_val"])
def test_other_words_name_no_split(name: str) -> None:
    said = split_of(name)
    assert said is None or said[1]


def test_a_folder_around_everything_is_looked_through(folder: Path, cache: Cache, project: MakeProject) -> None:
    split(folder / "imgs/dataset/images", 10)
    (folder / "imgs/__MACOSX/dataset/train").mkdir(parents=True)
    (folder / "imgs/__MACOSX/dataset/train/x.png").write_bytes(b"x")
    assert load_data(project("imgs"), cache, QUIET).class_names == ("ant", "bee")


def test_representative_images_need_no_classes(folder: Path, cache: Cache, project: MakeProject) -> None:
    split(folder / "imgs/train", 10)
    images(folder / "imgs/calibration", 7)
    data = load_data(project("imgs"), cache, QUIET)
    assert (len(data.representative), data.representative.labels) == (7, None)


def test_what_is_not_used_is_said(folder: Path, cache: Cache, project: MakeProject) -> None:
    split(folder / "imgs/seg_train/seg_train", 10)
    images(folder / "imgs/test", 3)
    images(folder / "imgs/seg_pred/seg_pred", 5)
    data = load_data(project("imgs"), cache, QUIET)
    assert data.warnings == (
        "imgs: seg_pred/ (5 images) is not used: its name is that of no split",
        "imgs: test/ (3 images) is not used: without class folders its images have no labels",
    )
    assert origins(data)["test"] == (4, "cut from train")


def test_images_of_formats_that_are_not_read_are_counted(folder: Path, cache: Cache, project: MakeProject) -> None:
    split(folder / "imgs", 10)
    (folder / "imgs/ant/IMG_1.HEIC").write_bytes(b"x")
    (folder / "imgs/bee/IMG_2.heic").write_bytes(b"x")
    (warning,) = load_data(project("imgs"), cache, QUIET).warnings
    assert "not read: 2 .heic; convert" in warning


def test_what_cannot_be_told_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    def refused(name: str) -> str:
        with pytest.raises(DataError) as error:
            load_data(project(name), cache, QUIET)
        assert error.value.code == "EP-318" and error.value.hint
        return str(error.value)

    for name in ("ant", "bee"):
        for part in ("train", "test"):
            images(folder / "by_class" / name / part, 5)
    assert "by_class/ant: a class folder that holds only folders (test, train)" in refused("by_class")
    for part in ("train", "test"):
        images(folder / "loose" / part, 5)
    assert "test/ and train/ are splits by their names, but hold no class folders" in refused("loose")
    split(folder / "twice/val", 3)
    split(folder / "twice/Validation", 3)
    split(folder / "twice/train", 3)
    assert "Validation and val are both the validation split" in refused("twice")
    split(folder / "mixed/train", 3)
    images(folder / "mixed/wasp", 3)
    assert "train/ holds folders as a split does, wasp/ images as a class does" in refused("mixed")
    split(folder / "half/Validation", 3)
    split(folder / "half/calibration", 3)
    assert "has validation, representative but no train folder" in refused("half")
    images(folder / "deep/train/ant", 3)
    images(folder / "deep/train/bee/2020", 3)
    assert "train/bee: a class folder that holds only folders (2020)" in refused("deep")


def test_a_layout_is_found_in_the_files_of_the_disk(tmp_path: Path) -> None:
    split(tmp_path / "Train/Train", 1)
    layout = find_layout(tmp_path)
    assert layout.splits == {"train": tmp_path / "Train/Train"}
    assert np.all([path.is_dir() for path in layout.splits.values()])
