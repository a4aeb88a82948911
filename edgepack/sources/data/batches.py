"""Data that comes in pieces: tf.data.Dataset, Keras' Sequence and PyDataset, generators, and other iterables.

The pieces are written to a file as they come and mapped from it, so that memory holds one at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.project.units import format_bytes
from edgepack.sources.data.raw import RawSplit

# What may come unless [data] max_unpacked says more: nothing else would stop a generator that never ends.
MOST_BYTES = 8 << 30
MOST_EXAMPLES = 10_000_000
_BOUND = "bound it: dataset.take(100) or itertools.islice(generator, 100); or set max_unpacked under [data] if it is that large"
_PIECE = "give pieces (x, y) of one form; several inputs are a dict or a tuple in place of x"


@dataclass(frozen=True)
class Spool:
    """Where pieces are kept, and how many bytes of them may come (None: 8 GiB)."""

    folder: Path
    most: int | None = None


def comes_in_pieces(value: Any) -> bool:
    """Whether a value is to be iterated over: not an array, a list or a dict, nor anything that NumPy takes whole."""
    if isinstance(value, (str, bytes, list, tuple, Mapping, np.ndarray)) or hasattr(value, "__array__"):
        return False
    return hasattr(value, "__iter__") or hasattr(value, "as_numpy_iterator") or _is_sequence(value) or callable(value)


def read_pieces(value: Any, where: str, spool: Spool, names: list[tuple[str, ...]]) -> RawSplit:
    """The split that the pieces of `value` make up; the names of its inputs are appended to `names`.

    A piece is (x, y), (x,) or x, a batch or a single example. Which of the two is told by the source (tf.data, Keras), else by
    the labels: y as long as x is a batch, a y of another length is that of one example. Pieces without y are batches.

    Raises:
        DataError: EP-324 when it does not end, EP-306 and EP-308 for pieces that are not of one documented form.
    """
    pieces, batched = _iterate(value, where)
    first = next(pieces, None)
    if first is None:
        raise DataError("EP-312", f"{where} has no examples", "it gave nothing: a generator can be used once only")
    keys, arrays, labelled = _parts(first, where)
    names.append(keys)
    if batched is None:
        batched = _looks_batched(arrays, labelled)
    columns = [_Column(where, number, spool) for number in range(len(arrays))]
    most = MOST_BYTES if spool.most is None else spool.most
    for piece in chain([first], pieces):
        found, these, labels = _parts(piece, where)
        if (found, len(these), labels) != (keys, len(arrays), labelled):
            raise DataError("EP-306", f"{where}: its pieces are not all of one form", _PIECE)
        for column, array in zip(columns, these, strict=True):
            column.add(array if batched else array[None])
        if len({column.count for column in columns}) > 1:
            counts = ", ".join(str(column.count) for column in columns)
            raise DataError("EP-306", f"{where}: a piece has parts of different length ({counts} examples so far)", _PIECE)
        size = sum(column.bytes for column in columns)
        if size > most or columns[0].count > MOST_EXAMPLES:
            raise DataError(
                "EP-324", f"{where}: does not end: {columns[0].count:,} examples, {format_bytes(size)} so far", _BOUND
            )
    results = [column.mapped() for column in columns]
    return RawSplit(tuple(results[:-1] if labelled else results), results[-1] if labelled else None)


def _iterate(value: Any, where: str) -> tuple[Iterator[Any], bool | None]:
    """The pieces, and whether they are batches (None: not known)."""
    if hasattr(value, "as_numpy_iterator"):
        if hasattr(value, "cardinality") and int(value.cardinality()) == -1:
            raise DataError("EP-324", f"{where}: does not end: it is repeated for ever", _BOUND)
        return iter(value.as_numpy_iterator()), _is_batched_dataset(value)
    if _is_sequence(value):
        count = getattr(value, "num_batches", None)
        try:
            count = len(value) if count is None else int(count)
        except (TypeError, NotImplementedError) as error:
            raise DataError(
                "EP-324", f"{where}: does not end: it has no length", "give it a __len__, its number of batches"
            ) from error
        return (value[number] for number in range(count)), True
    made = value() if callable(value) and not hasattr(value, "__iter__") else value
    if not isinstance(made, Iterable):
        raise DataError("EP-308", f"{where} is {type(value).__name__}, neither an array nor iterable", _PIECE)
    return iter(made), None


def _is_sequence(value: Any) -> bool:
    """Keras' Sequence, of either generation, or PyDataset."""
    return any(base.__name__ in ("Sequence", "PyDataset") and "keras" in base.__module__ for base in type(value).__mro__)


def _is_batched_dataset(dataset: Any) -> bool:
    """Whether a tf.data.Dataset gives batches: one of its steps made them, or all its parts are open in their first axis."""
    step = dataset
    while step is not None:
        name = type(step).__name__.lower()
        if "batch" in name:
            return "unbatch" not in name
        if "flatmap" in name or "interleave" in name:  # its elements are of another data set
            break
        step = getattr(step, "_input_dataset", None)
    import tensorflow as tf

    shapes = [spec.shape for spec in tf.nest.flatten(dataset.element_spec)]
    return all(shape.rank is None or (shape.rank > 0 and shape[0] is None) for shape in shapes)


def _looks_batched(arrays: list[NDArray[Any]], labelled: bool) -> bool:
    lengths = {array.shape[0] if array.ndim else None for array in arrays}
    if labelled or len(arrays) > 1:
        return len(lengths) == 1 and None not in lengths
    return arrays[0].ndim > 0


def _parts(piece: Any, where: str) -> tuple[tuple[str, ...], list[NDArray[Any]], bool]:
    """The names of a piece's inputs, its arrays with the labels last, and whether it has labels."""
    inputs, labels = piece, None
    if isinstance(piece, (tuple, list)):
        if len(piece) not in (1, 2):
            hint = "leave sample weights out" if len(piece) == 3 else _PIECE
            raise DataError("EP-306", f"{where}: a piece has {len(piece)} parts, not (x, y)", hint)
        inputs, labels = piece[0], piece[1] if len(piece) == 2 else None
    if isinstance(labels, (tuple, Mapping)) or (isinstance(labels, list) and any(np.ndim(value) for value in labels)):
        raise DataError(
            "EP-306", f"{where}: a piece has several label arrays", "give one: the labels of the model's first output"
        )
    keys: tuple[str, ...] = ()
    if isinstance(inputs, Mapping):
        keys, inputs = tuple(str(key) for key in inputs), tuple(inputs.values())
    elif isinstance(inputs, list) and all(np.ndim(value) and hasattr(value, "shape") for value in inputs):
        inputs = tuple(inputs)  # as Keras gives several inputs
    each = inputs if isinstance(inputs, tuple) else (inputs,)
    arrays = [_as_array(value, where) for value in (*each, *([] if labels is None else [labels]))]
    if len(arrays) == (labels is not None):
        raise DataError("EP-306", f"{where}: a piece has no inputs", _PIECE)
    return keys, arrays, labels is not None


def _as_array(value: Any, where: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError("EP-308", f"{where}: a piece cannot become an array: {error}", "give examples of one shape") from error
    if array.dtype.kind not in "fiub":
        raise DataError("EP-308", f"{where}: a piece holds {array.dtype}, not numbers", _PIECE)
    return array


class _Column:
    """One array of a split, growing piece by piece in a file that goes with the last use of it."""

    def __init__(self, where: str, number: int, spool: Spool) -> None:
        self._where, self._number, self._spool = where, number, spool
        self._file: BinaryIO | None = None
        self._dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._shape: tuple[int, ...] = ()
        self.count, self.bytes = 0, 0

    def add(self, rows: NDArray[Any]) -> None:
        """Write more rows."""
        if rows.ndim == 0:
            raise DataError("EP-308", f"{self._where}: a batch holds a single number where an array should be", _PIECE)
        if self._file is None:
            self._spool.folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=self._spool.folder)  # noqa: SIM115 - mapped, and gone when no longer mapped
            self._dtype, self._shape = rows.dtype, rows.shape[1:]
        if rows.shape[1:] != self._shape:
            sizes = " and ".join("x".join(map(str, shape)) or "one number" for shape in (self._shape, rows.shape[1:]))
            raise DataError("EP-306", f"{self._where}: its pieces hold examples of shape {sizes}", "give examples of one shape")
        if not np.can_cast(rows.dtype, self._dtype, "same_kind"):
            raise DataError("EP-308", f"{self._where}: its pieces are {self._dtype} and {rows.dtype}", "give one type throughout")
        self._file.write(np.ascontiguousarray(rows, self._dtype).tobytes())
        self.count += len(rows)
        self.bytes += rows.size * self._dtype.itemsize

    def mapped(self) -> NDArray[Any]:
        """All rows, memory-mapped."""
        assert self._file is not None
        shape = (self.count, *self._shape)
        self._file.flush()
        if not self.bytes:
            return np.empty(shape, self._dtype)
        found: NDArray[Any] = np.memmap(self._file, self._dtype, "r", shape=shape)
        self._file.close()
        return found
