"""CIFAR-10: 32 x 32 colour images of ten classes (Krizhevsky 2009)."""

from pathlib import Path
from typing import Any

import numpy as np

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(path: Path | None) -> dict[str, Any]:
    """Raw pixels, uint8 0..255, and class numbers.

    Without `path`, keras.datasets downloads the 60,000 images once (170 MB). `path` may be an .npz with x_train, y_train,
    x_test, y_test, or a folder with cifar10…train….npz and cifar10…test….npz, each with x and y.
    """
    if path is None:
        from tf_keras.datasets import cifar10

        train, test = cifar10.load_data()
    elif path.is_dir():
        train, test = (read(find(path, word), "x", "y") for word in ("train", "test"))
    else:
        train, test = read(path, "x_train", "y_train"), read(path, "x_test", "y_test")
    return {
        "train": train,
        "test": test,
        "class_names": NAMES,
        "preprocessing": {"input": "RGB pixels 0..255, 32x32, as they are"},
    }


def find(folder: Path, word: str) -> Path:
    """The CIFAR-10 archive of a folder that has `word` in its name."""
    found = sorted(folder.glob(f"*cifar10*{word}*.npz"))
    if not found:
        raise FileNotFoundError(f"{folder} has no cifar10…{word}….npz")
    return found[0]


def read(file: Path, *keys: str) -> tuple[np.ndarray, ...]:
    """Arrays of an archive."""
    with np.load(file, allow_pickle=False) as archive:
        missing = [key for key in keys if key not in archive.files]
        if missing:
            raise KeyError(f"{file.name} has no {missing[0]}; it has {', '.join(archive.files)}")
        return tuple(archive[key] for key in keys)
