"""The examples that calibrate quantization: training data, one at a time, float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import ConvertError
from edgepack.ground.memory import give_back_memory
from edgepack.ground.progress import Task
from edgepack.sources import Dataset, Split

FEWEST = 100
MOST = 500

Generator = Callable[[], Iterator[list[NDArray[Any]]]]


def choose(data: Dataset) -> tuple[Split, list[int]]:
    """The split and rows to calibrate with: the representative split, or the training split where that has fewer than 100.

    At most 500, spread evenly.

    Raises:
        ConvertError: EP-452 when there is not one example; the converter would silently leave the model float.
    """
    split = data.representative if len(data.representative) >= min(FEWEST, len(data.train)) else data.train
    if not len(split):
        raise ConvertError(
            "EP-452",
            "there is no example to calibrate the quantization with",
            "give training data, or a representative split, with at least 100 examples",
        )
    rows = np.linspace(0, len(split) - 1, min(len(split), MOST)).round().astype(int)
    return split, [int(row) for row in rows]


def generator(split: Split, rows: Sequence[int], types: Sequence[Any], task: Task) -> Generator:
    """What the converter wants: a callable that gives a list of arrays with a batch of one, for each example.

    The first is asked for after the float model has been made, which leaves behind several times its size.
    """

    def examples() -> Iterator[list[NDArray[Any]]]:
        give_back_memory()
        for done, row in enumerate(rows, start=1):
            yield [np.asarray(array[row : row + 1]).astype(kind) for array, kind in zip(split.inputs, types, strict=True)]
            task.update(done, len(rows), f"calibrating with {len(rows)} training examples")

    return examples
