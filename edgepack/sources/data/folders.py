"""Which folders of an image data set are splits, and which are classes, in the layouts that people download.

train/cat/…  test/cat/…        Training/…  Testing/…      training_set/…  test_set/…
seg_train/seg_train/cat/…      archive/dataset/TRAIN/…    asl_alphabet_train/…  asl_alphabet_test/…
cat/…  dog/…
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgepack.ground.errors import DataError
from edgepack.sources.data.split_names import SPLIT_WORDS, split_of

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pnm"})
_UNREAD = frozenset({".heic", ".heif", ".avif", ".jxl", ".jp2", ".svg", ".tga", ".dng", ".cr2", ".nef", ".arw"})
_DEEPEST = 4  # folders that hold nothing but one more folder


@dataclass(frozen=True)
class Layout:
    """The folder of each split ("train" or "test" at least), whose folders are classes, and what was passed over."""

    splits: dict[str, Path]
    aside: tuple[str, ...]
    named: bool
    """Whether folders are named after splits; else the one folder is everything, called train."""


def find_layout(folder: Path) -> Layout:
    """What the folders below `folder` are.

    A folder is a split when its name says so and it holds folders; one that holds images itself is a class of that name.
    A folder that holds one folder only, and no images, is looked through.

    Raises:
        DataError: EP-318 when two folders are the same split, when train and test are missing, when splits and classes stand
            side by side, or when there are no images in class folders.
    """
    root = folder
    for _ in range(_DEEPEST):
        found = _splits_in(root)
        inner = _only_folder(root)
        if found or inner is None:
            break
        root = inner
    if not found:
        _refuse_loose_splits(root)
        check_classes(root)
        return Layout({"train": root}, _unread(root), False)
    if "train" not in found and "test" not in found:
        hint = f"add train/<class>/<images> beside {_name(next(iter(found.values())))}"
        raise DataError("EP-318", f"{folder.name}: has {', '.join(found)} but no train folder", hint)
    used = {path.relative_to(root).parts[0] for path in found.values()}
    others = [entry for entry in class_folders(root) if entry.name not in used]
    classes = [entry for entry in others if own_images(entry) and split_of(entry.name) is None]
    if classes and len(found) == 1:
        split = _name(next(iter(found.values())))
        raise DataError(
            "EP-318",
            f"{folder.name}: {split} holds folders as a split does, {_name(classes[0])} images as a class does",
            "put all classes into one folder, or into train/ and test/",
        )
    for split, path in found.items():
        if split != "representative" or not own_images(path):
            check_classes(path)
    return Layout(found, (*map(_not_used, others), *_unread(root)), True)


def check_classes(folder: Path) -> None:
    """Check that the folders in `folder` are classes: at least one, each holding images itself.

    Raises:
        DataError: EP-318.
    """
    classes = class_folders(folder)
    for entry in classes:
        if not own_images(entry):
            inner = [one.name for one in folders_in(entry)]
            raise DataError(
                "EP-318",
                f"{_name(folder)}{entry.name}: a class folder that holds only folders ({', '.join(inner[:3])})",
                "lay the images out as train/<class>/<image> and test/<class>/<image>, or <class>/<image>",
            )
    if not classes:
        raise DataError(
            "EP-318",
            f"{folder}: no images in class folders",
            "lay the images out as <folder>/<class>/<image>, or <folder>/train/<class>/<image> and <folder>/test/<class>/<image>",
        )


def _refuse_loose_splits(folder: Path) -> None:
    """Folders that are splits by their names and hold images without classes would be learned as classes."""
    named = [(entry, *said) for entry in class_folders(folder) if (said := split_of(entry.name)) is not None]
    for entry, split, rest in named:
        for other, another, same in named:
            if rest == same and split != another:
                raise DataError(
                    "EP-318",
                    f"{folder.name}: {_name(entry)} and {_name(other)} are splits by their names, but hold no class folders",
                    "sort their images into a folder a class: train/<class>/<image>, test/<class>/<image>",
                )


def _not_used(folder: Path) -> str:
    count = f"{_name(folder)} ({len(image_files(folder)):,} images) is not used"
    if split_of(folder.name) is not None and own_images(folder):
        return f"{count}: without class folders its images have no labels"
    return f"{count}: its name is that of no split"


def _unread(folder: Path) -> tuple[str, ...]:
    """What is said of images below `folder` in formats that are not read; iPhones write such."""
    found = [path.suffix.lower() for path in folder.rglob("*") if path.suffix.lower() in _UNREAD and path.name[0] != "."]
    each = ", ".join(f"{found.count(suffix):,} {suffix}" for suffix in sorted(set(found)))
    return (f"images of formats that are not read: {each}; convert them to JPEG or PNG",) if found else ()


def class_folders(folder: Path) -> list[Path]:
    """The folders in `folder` that have images in them, sorted by name."""
    return [entry for entry in folders_in(folder) if any(_images(entry))]


def folders_in(folder: Path) -> list[Path]:
    """The folders in `folder` that are not hidden, sorted."""
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__MACOSX")))


def image_files(folder: Path) -> list[Path]:
    """Every image below `folder`, sorted; hidden files are left out."""
    return sorted(_images(folder))


def _images(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def own_images(folder: Path) -> bool:
    """Whether `folder` holds an image itself, not in a folder further down."""
    return any(path.suffix.lower() in SUFFIXES and not path.name.startswith(".") for path in folder.iterdir())


def _splits_in(folder: Path) -> dict[str, Path]:
    """The splits in `folder` in their usual order, each as the folder that holds its classes."""
    named = [(entry, *said) for entry in folders_in(folder) if (said := split_of(entry.name)) is not None]
    found: dict[str, Path] = {}
    for entry, split, rest in named:
        # Words of its own ("asl_alphabet_train") are the data set's name when another split has them too, else a class's.
        if rest and not any(other == rest and one != split for _, one, other in named):
            continue
        path = _looked_through(entry)
        loose = split == "representative" and own_images(path)
        if not any(_images(path)) or (own_images(path) and not loose):
            continue
        if split in found:
            first = found[split].relative_to(folder).parts[0]
            hint = "keep one of them, or put their images together"
            raise DataError("EP-318", f"{folder.name}: {first} and {entry.name} are both the {split} split", hint)
        found[split] = path
    return {split: found[split] for split in SPLIT_WORDS if split in found}


def _looked_through(folder: Path) -> Path:
    """Kaggle's seg_train/seg_train/<class>: the folder inside of one that holds nothing else, unless that is a class."""
    for _ in range(_DEEPEST):
        inner = _only_folder(folder)
        if inner is None or own_images(inner):
            break
        folder = inner
    return folder


def _only_folder(folder: Path) -> Path | None:
    if own_images(folder):
        return None
    found = class_folders(folder)
    return found[0] if len(found) == 1 and not own_images(found[0]) else None


def _name(folder: Path) -> str:
    return f"{folder.name}/"
