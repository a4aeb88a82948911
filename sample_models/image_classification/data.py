"""CIFAR-10: 32 x 32 colour images of ten classes (Krizhevsky 2009)."""

from pathlib import Path
from typing import Any

import edgepack

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
AS_THEY_ARE = {"input": "RGB pixels 0..255, 32x32, as they are"}


def load(path: Path | None) -> dict[str, Any]:
    """Raw pixels, uint8 0..255, and class numbers.

    Without `path`, keras.datasets downloads the 60,000 images once (170 MB). `path` may be an .npz with x_train, y_train,
    x_test, y_test (or other names that edgepack knows), or a folder with cifar10…train….npz and cifar10…test….npz, each
    with x and y.
    """
    if path is None:
        from tf_keras.datasets import cifar10

        train, test = cifar10.load_data()
    elif path.is_dir():
        train, test = (edgepack.read_npz(find(path, word))["train"] for word in ("train", "test"))
    else:
        return {"class_names": NAMES, "preprocessing": AS_THEY_ARE, **edgepack.read_npz(path)}
    return {
        "train": train,
        "test": test,
        "class_names": NAMES,
        "preprocessing": AS_THEY_ARE,
    }


def find(folder: Path, word: str) -> Path:
    """The CIFAR-10 archive of a folder that has `word` in its name."""
    found = sorted(folder.glob(f"*cifar10*{word}*.npz"))
    if not found:
        raise FileNotFoundError(f"{folder} has no cifar10…{word}….npz")
    return found[0]
