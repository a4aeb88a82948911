"""Variations of training images, so that a fine-tuning on few of them does not learn them by heart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# How far `shift` moves an image, as a share of its height and width.
_REACH = 1 / 8


def augment(images: NDArray[Any], kinds: Sequence[str], rng: np.random.Generator) -> NDArray[Any]:
    """`images` (batch, height, width, channels), each varied by chance.

    "flip" mirrors left to right, "shift" moves by up to an eighth of the size and repeats the border.
    """
    varied = images
    if "flip" in kinds:
        mirrored = rng.random(len(images)) < 0.5
        varied = np.where(mirrored[:, None, None, None], varied[:, :, ::-1], varied)
    if "shift" in kinds:
        height, width = images.shape[1:3]
        up, left = max(1, round(height * _REACH)), max(1, round(width * _REACH))
        padded = np.pad(varied, ((0, 0), (up, up), (left, left), (0, 0)), mode="edge")
        rows, columns = rng.integers(0, 2 * up + 1, len(images)), rng.integers(0, 2 * left + 1, len(images))
        places = zip(padded, rows, columns, strict=True)
        varied = np.stack([image[row : row + height, column : column + width] for image, row, column in places])
    return varied
