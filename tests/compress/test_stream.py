"""Batches come from the arrays' rows: all of them, in an order that the seed fixes, without loading the whole array."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgepack.compress.training.loss import Loss
from edgepack.compress.training.stream import stream
from edgepack.sources import Split

CLASSES = Loss("sparse_categorical_crossentropy", "classes")


def split(count: int = 50) -> Split:
    x = np.arange(count * 3, dtype=np.float32).reshape(count, 3)
    return Split((x,), np.arange(count))


def test_inputs_and_labels_stay_together_and_each_comes_once() -> None:
    seen = []
    for x, y in stream(split(), CLASSES, 1, 16, shuffle_seed=3):
        np.testing.assert_array_equal(x.numpy()[:, 0], y.numpy() * 3)
        seen.extend(y.numpy().tolist())
    assert sorted(seen) == list(range(50)) and seen != list(range(50))


def test_epochs_differ_and_repeat_with_the_seed() -> None:
    def order(seed: int) -> list[list[int]]:
        batches = stream(split(), CLASSES, 1, 16, shuffle_seed=seed)
        return [[int(label) for _, y in batches for label in y] for _ in range(2)]

    first, second = order(1)
    assert first != second
    assert order(1) == [first, second]
    assert order(2) != [first, second]


def test_without_a_seed_the_order_is_that_of_the_data() -> None:
    assert [int(label) for _, y in stream(split(), CLASSES, 1, 16) for label in y] == list(range(50))


def test_a_memory_mapped_array_is_read_row_by_row(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", split().inputs[0])
    mapped = Split((np.load(tmp_path / "x.npy", mmap_mode="r"),), split().labels)
    for (x, y), (wanted, _) in zip(stream(mapped, CLASSES, 1, 7, 5), stream(split(), CLASSES, 1, 7, 5), strict=True):
        np.testing.assert_array_equal(x, wanted)
        assert len(x) == len(y)


def test_an_autoencoder_is_given_its_inputs_and_further_outputs_a_zero() -> None:
    x, y = next(iter(stream(split(), Loss("mse", "inputs"), 1, 16)))
    np.testing.assert_array_equal(x, y)
    _, targets = next(iter(stream(split(), CLASSES, 3, 16)))
    assert len(targets) == 3 and not np.any(targets[1])


def test_half_floats_are_widened() -> None:
    half = Split((split().inputs[0].astype(np.float16),), split().labels)
    x, _ = next(iter(stream(half, CLASSES, 1, 16)))
    assert x.dtype.name == "float32"
