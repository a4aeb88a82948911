"""Varied images are the images, mirrored or moved."""

from __future__ import annotations

import numpy as np

from edgepack.compress.augment import augment

IMAGES = np.random.default_rng(0).normal(size=(64, 16, 16, 3)).astype(np.float32)


def test_flip_mirrors_some_images_and_leaves_the_others() -> None:
    varied = augment(IMAGES, ["flip"], np.random.default_rng(1))
    same = [np.array_equal(a, b) for a, b in zip(varied, IMAGES, strict=True)]
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(varied, IMAGES, strict=True)]
    assert all(a != b for a, b in zip(same, mirrored, strict=True)) and 15 < sum(mirrored) < 49


def test_shift_moves_by_at_most_an_eighth() -> None:
    varied = augment(IMAGES, ["shift"], np.random.default_rng(1))
    moves = set()
    for before, after in zip(IMAGES, varied, strict=True):
        found = [
            (row, column)
            for row in range(-2, 3)
            for column in range(-2, 3)
            if np.array_equal(after[4:12, 4:12], before[4 + row : 12 + row, 4 + column : 12 + column])
        ]
        assert len(found) == 1
        moves.add(found[0])
    assert len(moves) > 10


def test_nothing_asked_for_changes_nothing() -> None:
    np.testing.assert_array_equal(augment(IMAGES, [], np.random.default_rng(1)), IMAGES)
