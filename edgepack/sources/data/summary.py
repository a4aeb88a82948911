"""What a user should see of a data set before it is trained on: examples, classes and their balance, shapes, ranges, types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.sources.data.examples import Converted
from edgepack.sources.data.raw import RawData, RawSplit

_MOST_CLASSES = 12  # named one by one in a line


@dataclass(frozen=True)
class InputSummary:
    """An input of one split: shape of an example, type as stored, least and greatest value as the model reads it."""

    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float


@dataclass(frozen=True)
class SplitSummary:
    """A split: number of examples, where they come from, its inputs, and examples a class by the class's name or number.

    `values` are the least and the greatest label where labels are values.
    """

    name: str
    examples: int
    origin: str
    inputs: tuple[InputSummary, ...]
    classes: dict[str, int]
    values: tuple[float, float] | None = None

    def inputs_line(self) -> str:
        """An example's inputs: "28x28x1 uint8 0 to 255"."""
        return " and ".join(_input(one) for one in self.inputs)

    def labels_line(self) -> str:
        """The labels: "3 classes: cat 40, dog 38, cow 4", "labels 0.5 to 2", or nothing."""
        if self.values is not None:
            return f"labels {self.values[0]:.4g} to {self.values[1]:.4g}"
        return _classes(self.classes) if self.classes else ""


@dataclass(frozen=True)
class DataSummary:
    """The splits that a training uses, by name."""

    splits: tuple[SplitSummary, ...]

    def lines(self) -> list[str]:
        """A line a split, for a terminal."""
        return [f"{split.name}: {_line(split)}" for split in self.splits]


class Range:
    """The least and the greatest of the values that go by, of each channel where channels are scaled differently."""

    def __init__(self, dtype: np.dtype[Any], reader: Converted | None) -> None:
        self.dtype = dtype
        self._reader = reader
        self._low: NDArray[Any] | None = None
        self._high: NDArray[Any] | None = None

    def add(self, block: NDArray[Any]) -> None:
        """See a block of stored values."""
        if not block.size:
            return
        by_channel = self._reader is not None and self._reader.factor is not None and self._reader.factor.ndim > 0
        rows = block.reshape(-1, block.shape[-1] if by_channel and block.ndim > 1 else 1)
        low, high = rows.min(axis=0), rows.max(axis=0)
        self._low = low if self._low is None else np.minimum(self._low, low)
        self._high = high if self._high is None else np.maximum(self._high, high)

    def ends(self) -> tuple[float, float]:
        """Both, as a model reads them; 0 and 0 when nothing went by."""
        if self._low is None or self._high is None:
            return 0.0, 0.0
        ends = [self._low, self._high] if self._reader is None else [self._reader.read(end) for end in (self._low, self._high)]
        return float(np.min(ends)), float(np.max(ends))


def summarise(raw: RawData, ranges: Mapping[str, Sequence[Range]]) -> DataSummary:
    """The summary of a data set; `ranges` saw the values of each split's inputs."""
    splits = []
    for name in ("train", "validation", "test"):
        split = raw.splits[name]
        inputs = tuple(
            InputSummary(rows.shape[1:], seen.dtype.name, *seen.ends())
            for rows, seen in zip(split.inputs, ranges[name], strict=True)
        )
        classes = {} if raw.labels_are_values else _class_counts(split, raw.class_names)
        values = _values(split) if raw.labels_are_values else None
        splits.append(SplitSummary(name, len(split), split.origin, inputs, classes, values))
    return DataSummary(tuple(splits))


def _class_counts(split: RawSplit, names: Sequence[str]) -> dict[str, int]:
    labels = split.numbers()
    if labels is None:
        return {}
    numbers, counts = np.unique(labels, return_counts=True)
    found = {int(number): int(count) for number, count in zip(numbers, counts, strict=True)}
    return {
        names[number] if number < len(names) else str(number): found.get(number, 0)
        for number in sorted({*found, *range(len(names))})
    }


def _values(split: RawSplit) -> tuple[float, float] | None:
    labels = split.chosen_labels()
    return None if labels is None or not labels.size else (float(labels.min()), float(labels.max()))


def _line(split: SplitSummary) -> str:
    origin = f" ({split.origin})" if split.origin else ""
    labels = f"; {split.labels_line()}" if split.labels_line() else ""
    return f"{split.examples:,} examples{origin}, {split.inputs_line()}{labels}"


def _input(one: InputSummary) -> str:
    shape = "x".join(str(size) for size in one.shape) or "1"
    return f"{shape} {one.dtype} {one.low:.4g} to {one.high:.4g}"


def _classes(classes: Mapping[str, int]) -> str:
    """For example "3 classes: cat 40, dog 38, cow 4"."""
    if len(classes) <= _MOST_CLASSES:
        each = ", ".join(f"{name[:40]} {count:,}" for name, count in classes.items())
        return f"{len(classes)} {'class' if len(classes) == 1 else 'classes'}: {each}"
    fewest, most = (choose(classes, key=lambda name: classes[name]) for choose in (min, max))
    return f"{len(classes)} classes of {classes[fewest]:,} ({fewest[:40]}) to {classes[most]:,} examples ({most[:40]})"
