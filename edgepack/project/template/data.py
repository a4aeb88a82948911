"""The data: drawings of four shapes, made here so that the project works at once. Put your own data in their place."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

import edgepack

CLASS_NAMES = ("circle", "square", "triangle", "cross")
SIZE = 16


def load(path: Path | None) -> dict[str, Any]:
    """Training and test examples: inputs as float32, batch first, and class numbers.

    `path` is what was given with --data or EDGEPACK_DATA, or None. A validation set and calibration examples are taken
    from the training set when they are not given here.
    """
    if path is not None:
        return edgepack.read_npz(path)
    return {
        "train": draw(2000, seed=1),
        "test": draw(400, seed=2),
        "class_names": CLASS_NAMES,
        "preprocessing": {"note": "grey values from 0 (black) to 1 (white)"},
    }


def draw(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`count` noisy images of shape (16, 16, 1) with values from 0 to 1, and their class numbers."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, len(CLASS_NAMES), count)
    images = np.stack([shape(CLASS_NAMES[label], random) for label in labels])
    noisy = images + random.normal(0, 0.25, images.shape)
    return np.clip(noisy, 0, 1).astype(np.float32)[..., None], labels


def shape(name: str, random: np.random.Generator) -> NDArray[np.float32]:
    """One shape of random size and place, values from 0 to 1."""
    image = Image.new("L", (SIZE, SIZE))
    pen = ImageDraw.Draw(image)
    radius = random.uniform(3, 6)
    x, y = random.uniform(radius, SIZE - 1 - radius, 2)
    box = (x - radius, y - radius, x + radius, y + radius)
    if name == "circle":
        pen.ellipse(box, outline=255)
    elif name == "square":
        pen.rectangle(box, outline=255)
    elif name == "triangle":
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], outline=255)
    else:
        pen.line(box, fill=255)
        pen.line((x - radius, y + radius, x + radius, y - radius), fill=255)
    return np.asarray(image, np.float32) / 255
