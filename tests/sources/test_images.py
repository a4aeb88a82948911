"""Folders of images become labelled arrays in the order of the sorted class names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_data
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()
COLOURS = {"red": (250, 0, 0), "green": (0, 240, 0), "blue": (0, 0, 230)}


def write(folder: Path, counts: dict[str, int], size: tuple[int, int] = (6, 4)) -> None:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", size, COLOURS[name]).save(folder / name / f"{number}.png")


def test_train_and_test_folders_are_kept_apart(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images/train", dict.fromkeys(COLOURS, 10))
    write(folder / "images/test", dict.fromkeys(COLOURS, 3))
    (folder / "images/train/red/.DS_Store").write_text("x")
    (folder / "images/train/notes.txt").write_text("x")
    data = load_data(project("images"), cache, QUIET)
    assert data.class_names == ("blue", "green", "red")
    assert len(data.test) == 9
    assert data.train.inputs[0].shape[1:] == (4, 6, 3)
    for image, label in zip(data.test.inputs[0], data.test.labels, strict=True):
        assert tuple(image[0, 0]) == COLOURS[data.class_names[label]]


def test_one_folder_is_split_with_every_class_in_each_part(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images", {"red": 30, "green": 20, "blue": 10})
    data = load_data(project("images", test=0.2, validation=0.1), cache, QUIET)
    assert list(np.bincount(data.test.labels)) == [2, 4, 6]
    assert len(data.train) + len(data.validation) == 48
    assert set(np.unique(data.validation.labels)) <= {0, 1, 2}


def test_images_are_resized_and_made_grey_when_asked(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images", dict.fromkeys(COLOURS, 8))
    Image.new("RGB", (17, 9), COLOURS["red"]).save(folder / "images/red/large.png")
    data = load_data(project("images", image_size=(5, 3), color="grayscale"), cache, QUIET)
    assert data.train.inputs[0].shape[1:] == (5, 3, 1)
    expected = np.asarray(Image.new("RGB", (1, 1), COLOURS["blue"]).convert("L"))[0, 0]
    assert data.test.inputs[0][data.test.labels == 0].max() == expected
    assert data.preprocessing["resize"] == "bilinear (Pillow)"


def test_photographs_are_turned_upright(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images", dict.fromkeys(COLOURS, 8), size=(4, 6))
    orientation = 0x0112
    lying = Image.new("RGB", (6, 4), COLOURS["red"])
    exif = lying.getexif()
    exif[orientation] = 6
    lying.save(folder / "images/red/photo.jpg", exif=exif)
    assert load_data(project("images"), cache, QUIET).train.inputs[0].shape[1:] == (6, 4, 3)


def test_a_damaged_image_is_named(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images", dict.fromkeys(COLOURS, 8))
    file = folder / "images/green/3.png"
    file.write_bytes(file.read_bytes()[:30])
    with pytest.raises(DataError, match=r"green/3\.png: cannot be read as an image") as error:
        load_data(project("images"), cache, QUIET)
    assert error.value.code == "EP-317"


def test_images_of_several_sizes_need_a_size(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images", dict.fromkeys(COLOURS, 8))
    Image.new("RGB", (17, 9)).save(folder / "images/red/large.png")
    with pytest.raises(DataError, match=r"red/large\.png is 9x17, the first image is 4x6") as error:
        load_data(project("images"), cache, QUIET)
    assert "image_size" in error.value.hint


def test_a_folder_without_classes_says_how_to_lay_them_out(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "images").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "images/loose.png")
    with pytest.raises(DataError, match="no images in class folders") as error:
        load_data(project("images"), cache, QUIET)
    assert (error.value.code, "<class>" in error.value.hint) == ("EP-318", True)


def test_a_class_that_training_never_saw_is_refused(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images/train", {"red": 8, "blue": 8})
    write(folder / "images/test", dict.fromkeys(COLOURS, 2))
    with pytest.raises(DataError, match="class green is not in the training data"):
        load_data(project("images"), cache, QUIET)


def test_a_changed_image_is_seen(folder: Path, cache: Cache, project: MakeProject) -> None:
    write(folder / "images", dict.fromkeys(COLOURS, 8))
    before = load_data(project("images"), cache, QUIET).sha256
    Image.new("RGB", (6, 4), (1, 2, 3)).save(folder / "images/red/0.png")
    assert load_data(project("images"), cache, QUIET).sha256 != before
