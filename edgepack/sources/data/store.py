"""Writing a data set to .npy files once, block by block, so that memory does not grow with the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.ground.plain import plain
from edgepack.sources.data.dataset import SPLITS, write_index
from edgepack.sources.data.examples import Converted, is_narrow
from edgepack.sources.data.raw import RawData, RawSplit, Rows
from edgepack.sources.data.summary import Range, summarise

BLOCK_BYTES = 1 << 24


def store(raw: RawData, folder: Path, advance: Callable[[float], None] = lambda share: None) -> None:
    """Write every split of a completed and checked `raw` into `folder`, and its index.

    Values keep their type where it is narrower than what a model reads. `advance` is told how much is done (0..1).

    Raises:
        DataError: EP-309 for a value that is not finite, EP-308 for an integer beyond 32 bits.
    """
    splits = {name: raw.splits[name] for name in SPLITS}
    total = sum(len(split) * len(split.inputs) for split in splits.values())
    digest = hashlib.sha256()
    done = 0
    entries: dict[str, Any] = {}
    ranges: dict[str, list[Range]] = {}
    for name, split in splits.items():
        inputs = []
        ranges[name] = []
        for number, rows in enumerate(split.inputs):
            values, dtype, reader = _stored_form(rows)
            entry = {"file": f"{name}.input{number}.npy", **_reading(reader)}
            what = f"{raw.where}: {name}" + (f" input {number}" if len(split.inputs) > 1 else "")
            digest.update(json.dumps(_reading(reader)).encode())
            seen = Range(dtype, reader)
            for count in _write(folder / entry["file"], values, split, dtype, digest, what, seen):
                done += count
                advance(done / total)
            inputs.append(entry)
            ranges[name].append(seen)
        entries[name] = {"inputs": inputs, "labels": _store_labels(folder, name, split, digest, raw.where)}
    write_index(
        folder,
        {
            "sha256": digest.hexdigest(),
            "class_names": list(raw.class_names),
            "preprocessing": dict(raw.preprocessing),
            "input_names": list(raw.input_names),
            "labels_are_values": raw.labels_are_values,
            "summary": plain(summarise(raw, ranges)),
            "warnings": list(raw.warnings),
            "splits": entries,
        },
    )


def stored_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which values that are read as they are stored: float32, but int32 for wide integers such as token numbers."""
    return np.dtype(np.int32) if dtype.kind in "iu" and dtype.itemsize >= 4 else np.dtype(np.float32)


def _stored_form(rows: Rows) -> tuple[Rows, np.dtype[Any], Converted | None]:
    """What is written, its type, and what reads it again (None: it is read as it is stored)."""
    reader = rows if isinstance(rows, Converted) else Converted(rows) if is_narrow(rows.dtype) else None
    if reader is None or not _exact(reader):
        return rows, stored_dtype(rows.dtype), None
    return reader.rows, reader.rows.dtype.newbyteorder("="), reader


def _exact(reader: Converted) -> bool:
    """Whether values stored as they are can be read as they should be: not scaled floats, whose last digits would differ, nor
    integers that scaling takes beyond float32, which have to be found now.
    """
    source: np.dtype[Any] = reader.rows.dtype
    if reader.factor is None:
        return True
    if source.kind == "f" or not is_narrow(source):
        return False
    channels = reader.shape[-1] if len(reader.shape) > 1 else 1
    limits = (0, 1) if source.kind == "b" else (np.iinfo(source).min, np.iinfo(source).max)
    with np.errstate(over="ignore"):
        return all(bool(np.isfinite(reader.read(np.full(channels, limit, source))).all()) for limit in limits)


def _reading(reader: Converted | None) -> dict[str, Any]:
    """How stored rows are read, for the index."""
    if reader is None:
        return {}
    scaled = {name: value.tolist() for name in ("factor", "shift") if (value := getattr(reader, name)) is not None}
    return {"read_as": reader.dtype.str, **scaled}


def _store_labels(folder: Path, name: str, split: RawSplit, digest: Any, where: str) -> str | None:
    labels = split.labels
    if labels is None:
        return None
    whole = RawSplit((labels,), None, split.rows)
    for _ in _write(folder / f"{name}.labels.npy", labels, whole, _label_dtype(labels), digest, f"{where}: {name} labels"):
        pass
    return f"{name}.labels.npy"


def _label_dtype(labels: NDArray[Any]) -> np.dtype[Any]:
    """float32 for values, int64 for class numbers; but the narrow type of masks, which are as many as the pixels."""
    if labels.dtype.kind == "f":
        return np.dtype(np.float32)
    if labels.ndim > 1 and labels.dtype.kind in "iu" and (labels.dtype.kind == "i" or labels.dtype.itemsize <= 2):
        return labels.dtype.newbyteorder("=")
    return np.dtype(np.uint8 if labels.ndim > 1 and labels.dtype.kind == "b" else np.int64)


def _write(
    file: Path, rows: Rows, split: RawSplit, dtype: np.dtype[Any], digest: Any, what: str, seen: Range | None = None
) -> Iterator[int]:
    """Write the rows of `split` as a .npy file, yielding the number of rows of each block.

    Plain writes, not a writable memory map: on a full disk a map ends the process with SIGBUS, a write with an error.
    """
    index = split.index()
    shape = (len(index), *rows.shape[1:])
    block = max(1, BLOCK_BYTES // max(1, int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize))
    digest.update(f"{file.name} {dtype.str} {shape}\n".encode())
    with file.open("wb") as out:
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)  # type: ignore[no-untyped-call]
        for start in range(0, len(index), block):
            chosen = index[start : start + block]
            data = np.ascontiguousarray(_cast(np.asarray(rows[chosen]), dtype, chosen, what))
            digest.update(data)
            out.write(data.tobytes())
            if seen is not None:
                seen.add(data)
            yield len(chosen)


def _cast(values: NDArray[Any], dtype: np.dtype[Any], chosen: NDArray[np.int64], what: str) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        data = values.astype(dtype, copy=False)
    if dtype.kind == "f" and values.dtype.kind == "f":
        good = np.isfinite(data).reshape(len(data), -1).all(axis=1)
        if not good.all():
            row = int(np.argmin(good))
            value = values[row].reshape(-1)[int(np.argmin(np.isfinite(data[row]).reshape(-1)))]
            raise DataError(
                "EP-309",
                f"{what}: example {int(chosen[row])} holds {value}, which is not a finite float32 number",
                "remove such examples or replace the value; look for a division by zero or a gap in the data",
            )
    if dtype == np.int32 and not np.array_equal(data, values):
        raise DataError("EP-308", f"{what}: holds integers beyond 32 bits", "give float32 values, or token numbers below 2^31")
    return data
