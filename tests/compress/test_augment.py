"""Varied images are the images, mirrored or moved."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compress.training.augment import augment

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


@pytest.mark.parametrize("shape", [(40, 6), (49, 10, 1)])
def test_time_moves_frames_and_leaves_each_frame_as_it_is(shape: tuple[int, ...]) -> None:
    recordings = np.random.default_rng(2).normal(size=(32, *shape)).astype(np.float32)
    reach, length, moves = round(shape[0] / 8), shape[0], set()
    for before, after in zip(recordings, augment(recordings, ["time"], np.random.default_rng(1)), strict=True):
        found = [
            move
            for move in range(-reach, reach + 1)
            if np.array_equal(after[reach : length - reach], before[reach + move : length - reach + move])
        ]
        assert len(found) == 1
        edge = after[:1] if found[0] < 0 else after[-1:]
        assert found[0] == 0 or np.array_equal(edge, before[:1] if found[0] < 0 else before[-1:])
        moves.add(found[0])
    assert len(moves) > 5 and min(moves) < 0 < max(moves)


def test_nothing_asked_for_changes_nothing() -> None:
    np.testing.assert_array_equal(augment(IMAGES, [], np.random.default_rng(1)), IMAGES)
