"""Fitting a data set to a model: its inputs in the model's order, of the model's shapes and types, or a clear refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.sources.data.dataset import SPLITS, Dataset, Split
from edgepack.sources.data.examples import Converted, Examples
from edgepack.sources.data.store import BLOCK_BYTES
from edgepack.sources.model import SourceModel, TensorSpec


def match_data(data: Dataset, source: SourceModel, cache: Cache) -> Dataset:
    """`data` with its inputs as the model takes them.

    Inputs that the data names are put in the model's order; a last dimension of 1 that only one of them has is added or dropped
    (greyscale images); int32 and float32 are exchanged where the model takes the other, integers while they are read. A quantized
    .tflite is given float32: quantizing is the runner's work.

    Raises:
        DataError: EP-315 when the number, names, shapes or types do not fit.
    """
    order = _order(data, source)
    matched = data
    if order != list(range(len(order))):
        splits = {name: _reordered(getattr(data, name), order) for name in SPLITS}
        matched = replace(matched, **splits, input_names=tuple(data.input_names[place] for place in order))  # type: ignore[arg-type]
    shapes = [_shape(matched.train.inputs[place], spec) for place, spec in enumerate(source.inputs)]
    splits = {name: _reshaped(getattr(matched, name), shapes) for name in SPLITS}
    matched = replace(matched, **splits)  # type: ignore[arg-type]
    return _with_types(matched, [_wanted_type(spec) for spec in source.inputs], cache)


def _order(data: Dataset, source: SourceModel) -> list[int]:
    """For each input of the model, which input of the data it is."""
    count, wanted = len(data.train.inputs), [spec.name for spec in source.inputs]
    if count != len(wanted):
        raise DataError(
            "EP-315",
            f"the model has {len(wanted)} inputs ({', '.join(wanted)}), the data has {count}",
            "give x as a tuple or a dict with one array for each input",
        )
    if not data.input_names or count == 1:
        return list(range(count))
    unknown = sorted(set(data.input_names) - set(wanted))
    if unknown:
        hint = f"name them like the model's inputs: {', '.join(wanted)}"
        raise DataError("EP-315", f"the data's input {unknown[0]!r} is not an input of the model", hint)
    return [data.input_names.index(name) for name in wanted]


def _reordered(split: Split, order: list[int]) -> Split:
    return replace(split, inputs=tuple(split.inputs[place] for place in order))


def _shape(array: Examples, spec: TensorSpec) -> tuple[int, ...]:
    """The shape of an example for the model."""
    given, wanted = array.shape[1:], spec.shape
    for candidate in (given, (*given, 1), given[:-1] if given[-1:] == (1,) else given):
        if len(candidate) == len(wanted) and all(size in (None, have) for size, have in zip(wanted, candidate, strict=True)):
            return candidate
    raise DataError(
        "EP-315",
        f"the data has examples of shape {_text(given)}, the model's input {spec.name} takes {_text(wanted)}",
        "change one of them; for images, [data] image_size and color set the size and the channels",
    )


def _reshaped(split: Split, shapes: list[tuple[int, ...]]) -> Split:
    """Views of another shape: a memory map stays one."""
    return replace(
        split, inputs=tuple(array.reshape(len(array), *shape) for array, shape in zip(split.inputs, shapes, strict=True))
    )


def _wanted_type(spec: TensorSpec) -> np.dtype[Any]:
    """int32 for a model that takes token numbers, float32 for everything else."""
    return np.dtype(np.int32) if spec.dtype in ("int32", "int64") else np.dtype(np.float32)


def _with_types(data: Dataset, types: list[np.dtype[Any]], cache: Cache) -> Dataset:
    exact = {place for place, array in enumerate(data.train.inputs) if _whole(array)}
    splits = {name: _read_as(getattr(data, name), types, exact) for name in SPLITS}
    data = replace(data, **splits)  # type: ignore[arg-type]
    changed = [place for place, array in enumerate(data.train.inputs) if array.dtype != types[place]]
    if not changed:
        return data

    def compute(folder: Path) -> None:
        for name in SPLITS:
            for place in changed:
                _cast(getattr(data, name).inputs[place], types[place], folder / f"{name}.input{place}.npy", name)

    inputs = {
        "version": 1,
        "data": data.sha256,
        "names": data.input_names,
        "types": {place: types[place].str for place in changed},
    }
    folder = cache.stage("data-types", inputs, compute).folder

    def split(name: str) -> Split:
        old: Split = getattr(data, name)
        arrays = list(old.inputs)
        for place in changed:
            stored = np.load(folder / f"{name}.input{place}.npy", mmap_mode="r", allow_pickle=False)
            arrays[place] = stored.reshape(old.inputs[place].shape)
        return replace(old, inputs=tuple(arrays))

    return replace(
        data, train=split("train"), validation=split("validation"), test=split("test"), representative=split("representative")
    )


def _whole(array: Examples) -> bool:
    """Whether the stored values are integers, and read as they are: float32 and int32 say the same of them."""
    stored = array.rows if isinstance(array, Converted) and array.factor is None else array
    return stored.dtype.kind in "iub"


def _read_as(split: Split, types: list[np.dtype[Any]], places: set[int]) -> Split:
    """The inputs at `places` read as `types`, without another copy of them on the disk."""
    inputs = list(split.inputs)
    for place in places:
        array, wanted = inputs[place], types[place]
        if array.dtype != wanted:
            inputs[place] = replace(array, dtype=wanted) if isinstance(array, Converted) else Converted(array, wanted)
    return replace(split, inputs=tuple(inputs))


def _cast(array: Examples, dtype: np.dtype[Any], file: Path, name: str) -> None:
    """Write `array` as another type, block by block."""
    block = max(1, BLOCK_BYTES * len(array) // max(1, array.nbytes))
    with file.open("wb") as out:
        header = {"descr": dtype.str, "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(out, header)  # type: ignore[no-untyped-call]
        for start in range(0, len(array), block):
            values = np.asarray(array[start : start + block])
            cast = np.ascontiguousarray(values.astype(dtype))
            if dtype.kind == "i" and not np.array_equal(cast, values):
                hint = "give token numbers, or a model that takes float32"
                raise DataError("EP-315", f"the model takes whole numbers (int32), the {name} data holds fractions", hint)
            out.write(cast.tobytes())


def _text(shape: tuple[int | None, ...]) -> str:
    return "x".join("any" if size is None else str(size) for size in shape) or "scalar"
