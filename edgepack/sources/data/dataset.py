"""A data set as the later stages see it: four splits of memory-mapped arrays, and what belongs to them."""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.plain import typed
from edgepack.sources.data.examples import Converted, Examples
from edgepack.sources.data.summary import DataSummary

SPLITS = ("train", "validation", "test", "representative")


@dataclass(frozen=True)
class Split:
    """Examples of one purpose: an array for each model input and the labels, all batch first.

    Inputs that are stored in fewer bytes than they are read in are `Converted`: `numpy.asarray` casts a batch, never the whole.
    `labels` is None where there are none: a model that reproduces its input, or the representative split.
    """

    inputs: tuple[Examples, ...]
    labels: NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.inputs[0])


@dataclass(frozen=True)
class Dataset:
    """The splits of a project's data.

    `train` teaches, `validation` (never part of `train`) stops training early and compares candidates, `test` gives the
    figures that are reported, `representative` (from the training data, never from `test`) calibrates quantization. For a model
    that is ready the others may be empty.
    `sha256` is the hash of every array's type, shape and content. `preprocessing` says how raw values became these inputs.
    `input_names` are the names of a multi-input data set, else empty. `labels_are_values`: the labels are to be regressed, though
    they may be whole numbers. `summary` and `warnings` are what a user should see of it before a training.
    """

    train: Split
    validation: Split
    test: Split
    representative: Split
    sha256: str
    class_names: tuple[str, ...]
    preprocessing: dict[str, object]
    input_names: tuple[str, ...] = ()
    labels_are_values: bool = False
    summary: DataSummary | None = None
    warnings: tuple[str, ...] = ()

    def release(self) -> None:
        """Give back the memory of pages that were read; they are read again when they are needed."""
        for name in SPLITS:
            for array in getattr(self, name).inputs:
                stored = array.rows if isinstance(array, Converted) else array
                pages = getattr(stored, "_mmap", None)
                if pages is not None and hasattr(pages, "madvise"):
                    pages.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class DataFacts:
    """What a model's `build(data)` may know of the data: sizes, not content.

    `input_shapes` are the shapes of an example, `classes` the number of classes, or of labels that an example may have or not
    (None for labels that are neither).
    """

    input_shapes: tuple[tuple[int, ...], ...]
    input_names: tuple[str, ...]
    classes: int | None
    class_names: tuple[str, ...]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of an example of the first input."""
        return self.input_shapes[0]


def facts_of(data: Dataset, regressed: bool = False) -> DataFacts:
    """The sizes of a data set. `regressed`: the recipe trains towards its labels as values, which makes them no classes."""
    labels = data.train.labels if len(data.train) else data.test.labels
    classes = len(data.class_names) or None
    whole = labels is not None and labels.dtype.kind in "iu" and labels.ndim == 1
    if classes is None and labels is not None and whole and not (regressed or data.labels_are_values):
        classes = int(labels.max()) + 1
    elif classes is None and labels is not None and labels.dtype.kind in "iu" and labels.ndim == 2 and labels.shape[1] > 1:
        classes = labels.shape[1] if bool(((labels == 0) | (labels == 1)).all()) else None
    return DataFacts(tuple(array.shape[1:] for array in data.train.inputs), data.input_names, classes, data.class_names)


def write_index(folder: Path, index: dict[str, Any]) -> None:
    """Write what `read_dataset` needs beside the arrays in `folder`."""
    (folder / "dataset.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def read_dataset(folder: Path) -> Dataset:
    """The data set stored in `folder`, its arrays memory-mapped read-only."""
    index = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))

    def split(name: str) -> Split:
        entry = index["splits"][name]
        inputs = tuple(_read_as(_mapped(folder / stored["file"]), stored) for stored in entry["inputs"])
        return Split(inputs, _mapped(folder / entry["labels"]) if entry["labels"] else None)

    return Dataset(
        train=split("train"),
        validation=split("validation"),
        test=split("test"),
        representative=split("representative"),
        sha256=index["sha256"],
        class_names=tuple(index["class_names"]),
        preprocessing=index["preprocessing"],
        input_names=tuple(index["input_names"]),
        labels_are_values=index["labels_are_values"],
        summary=typed(DataSummary, index["summary"]),
        warnings=tuple(index["warnings"]),
    )


def _read_as(stored: NDArray[Any], how: dict[str, Any]) -> Examples:
    if "read_as" not in how:
        return stored
    scaling = [np.asarray(how[name], np.float64) if name in how else None for name in ("factor", "shift")]
    return Converted(stored, np.dtype(how["read_as"]), *scaling)


def _mapped(file: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an array without elements cannot be mapped
        array = np.load(file, allow_pickle=False)
    return array
