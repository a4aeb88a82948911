"""Data as a source gives it, before it is split, checked and stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


class Rows(Protocol):
    """Examples that are read when asked for; a NumPy array is one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Examples first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a value."""

    def __getitem__(self, index: Index, /) -> NDArray[Any]:
        """The examples with these numbers, in this order."""


@dataclass(frozen=True)
class RawSplit:
    """One split: an array of examples for each input, the labels, and which of the rows belong to the split (None: all).

    `origin` says where it comes from, for people: "Training/". `cut`: edgepack took it out of another split.
    """

    inputs: tuple[Rows, ...]
    labels: NDArray[Any] | None
    rows: Index | None = None
    origin: str = ""
    cut: bool = False

    def __len__(self) -> int:
        return self.inputs[0].shape[0] if self.rows is None else len(self.rows)

    def index(self) -> Index:
        """The numbers of the split's rows."""
        return np.arange(len(self), dtype=np.int64) if self.rows is None else self.rows

    def chosen_labels(self) -> NDArray[Any] | None:
        """The labels of the split's rows."""
        return self.labels if self.labels is None or self.rows is None else self.labels[self.rows]

    def numbers(self) -> NDArray[Any] | None:
        """The labels of the split's rows where they are one integer an example; None for others, such as large masks."""
        one_each = self.labels is not None and self.labels.ndim == 1 and self.labels.dtype.kind in "iub"
        return self.chosen_labels() if one_each else None

    def take(self, chosen: Index) -> RawSplit:
        """The split of only the rows `chosen`, numbers within this split."""
        return replace(self, rows=self.index()[chosen])


@dataclass(frozen=True)
class RawData:
    """What a source gave. `splits` holds "train", and the others are cut from it when they are missing; or, for a model that is
    ready, "test" alone.

    `where` names the source in messages, for example `data.py`. `labels_are_values`: they are no classes, whatever numbers they
    are. `warnings` are what a user should know of the reading.
    """

    where: str
    splits: Mapping[str, RawSplit]
    class_names: tuple[str, ...] = ()
    preprocessing: Mapping[str, object] = field(default_factory=dict)
    input_names: tuple[str, ...] = ()
    labels_are_values: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def train(self) -> RawSplit:
        """The training split; where there are only test examples, those."""
        return self.splits["train" if "train" in self.splits else "test"]
