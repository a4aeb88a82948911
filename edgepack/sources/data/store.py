"""Writing a data set to .npy files once, block by block, so that memory does not grow with the data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.sources.data.dataset import SPLITS, write_index
from edgepack.sources.data.raw import RawData, RawSplit, Rows

BLOCK_BYTES = 1 << 24


def store(raw: RawData, folder: Path, advance: Callable[[float], None] = lambda share: None) -> None:
    """Write every split of a completed and checked `raw` into `folder`, and its index.

    `advance` is told how much is done (0..1).

    Raises:
        DataError: EP-309 for a value that is not finite, EP-308 for an integer beyond 32 bits.
    """
    splits = {name: raw.splits[name] for name in SPLITS}
    total = sum(len(split) * len(split.inputs) for split in splits.values())
    digest = hashlib.sha256()
    done = 0
    entries: dict[str, Any] = {}
    for name, split in splits.items():
        files = []
        for number, rows in enumerate(split.inputs):
            file = f"{name}.input{number}.npy"
            what = f"{raw.where}: {name}" + (f" input {number}" if len(split.inputs) > 1 else "")
            for count in _write(folder / file, rows, split, stored_dtype(rows.dtype), digest, what):
                done += count
                advance(done / total)
            files.append(file)
        entries[name] = {"inputs": files, "labels": _store_labels(folder, name, split, digest, raw.where)}
    write_index(
        folder,
        {
            "sha256": digest.hexdigest(),
            "class_names": list(raw.class_names),
            "preprocessing": dict(raw.preprocessing),
            "input_names": list(raw.input_names),
            "splits": entries,
        },
    )


def stored_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float32, but int32 for the wide integers that hold token numbers rather than pixels or samples."""
    return np.dtype(np.int32) if dtype.kind in "iu" and dtype.itemsize >= 4 else np.dtype(np.float32)


def _store_labels(folder: Path, name: str, split: RawSplit, digest: Any, where: str) -> str | None:
    labels = split.chosen_labels()
    if labels is None:
        return None
    dtype = np.dtype(np.float32 if labels.dtype.kind == "f" else np.int64)
    whole = RawSplit((labels,), None)
    for _ in _write(folder / f"{name}.labels.npy", labels, whole, dtype, digest, f"{where}: {name} labels"):
        pass
    return f"{name}.labels.npy"


def _write(file: Path, rows: Rows, split: RawSplit, dtype: np.dtype[Any], digest: Any, what: str) -> Any:
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
