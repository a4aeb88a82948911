"""Variations of training examples, so that a fine-tuning on few of them does not learn them by heart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# How far `shift` and `time` move an example, as a share of its size.
_REACH = 1 / 8
# Axes without the batch's that each kind needs.
RANKS = {"flip": 3, "shift": 3, "time": 2}


def augment(examples: NDArray[Any], kinds: Sequence[str], rng: np.random.Generator) -> NDArray[Any]:
    """`examples`, each varied by chance.

    Of images (batch, height, width, channels), "flip" mirrors left to right, "shift" moves by up to an eighth of the size and
    repeats the border. Of recordings (batch, time, …), such as windows of a sensor or a spectrogram's frames, "time" moves along
    the first axis alone by up to an eighth: the order of features must not change.
    """
    varied = examples
    if "flip" in kinds:
        mirrored = rng.random(len(examples)) < 0.5
        varied = np.where(mirrored[:, None, None, None], varied[:, :, ::-1], varied)
    if "shift" in kinds:
        height, width = examples.shape[1:3]
        up, left = max(1, round(height * _REACH)), max(1, round(width * _REACH))
        padded = np.pad(varied, ((0, 0), (up, up), (left, left), (0, 0)), mode="edge")
        rows, columns = rng.integers(0, 2 * up + 1, len(examples)), rng.integers(0, 2 * left + 1, len(examples))
        places = zip(padded, rows, columns, strict=True)
        varied = np.stack([image[row : row + height, column : column + width] for image, row, column in places])
    if "time" in kinds:
        length = examples.shape[1]
        most = max(1, round(length * _REACH))
        moves = rng.integers(-most, most + 1, len(examples))
        frames = np.clip(np.arange(length) + moves[:, None], 0, length - 1)
        varied = varied[np.arange(len(examples))[:, None], frames]
    return varied
