"""NumPy archives: which keys they may have, and reading them without loading them whole."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.sources.data.raw import RawData, RawSplit

# For each split, the names an archive may use for inputs and labels, in lower case.
_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (("x_train", "y_train"), ("xtr", "ytr"), ("train_images", "train_labels"), ("train_x", "train_y")),
    "validation": (
        ("x_validation", "y_validation"),
        ("x_val", "y_val"),
        ("x_valid", "y_valid"),
        ("xva", "yva"),
        ("val_images", "val_labels"),
        ("val_x", "val_y"),
    ),
    "test": (("x_test", "y_test"), ("xte", "yte"), ("test_images", "test_labels"), ("test_x", "test_y")),
    "representative": (("x_representative", ""), ("x_calibration", "")),
}
_NAMES = ("class_names", "classes", "names", "labels")
_SPLIT_VALUES = {
    "train": ("0", "train", "training"),
    "validation": ("1", "val", "valid", "validation"),
    "test": ("2", "test", "testing"),
}
_HINT = (
    "name the arrays x_train, y_train, x_test, y_test (x_validation, y_validation), "
    "or x, y and split (0 train, 1 validation, 2 test)"
)


def read_npz(file: Path, scratch: Path) -> RawData:
    """The data of an archive; its members are unpacked into `scratch` and memory-mapped.

    Raises:
        DataError: EP-302 for a file that is not a whole archive, EP-308 for an array of Python objects or strings; and as
            `read_arrays` says.
    """
    return read_arrays(_unpack(file, scratch), file.name)


def read_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> RawData:
    """The data in arrays under the names that archives may use, in lower case; `where` names their source in messages.

    Raises:
        DataError: EP-303 when there are no inputs under a known name.
    """
    names = next((arrays[key] for key in _NAMES if key in arrays and arrays[key].dtype.kind in "US"), None)
    class_names = () if names is None else tuple(str(name) for name in names.reshape(-1))
    if "x" in arrays and "x_train" not in arrays:
        splits = _by_split_column(where, arrays)
    else:
        splits = {split: given for split in _KEYS if (given := _named(arrays, split)) is not None}
    if "train" not in splits:
        found = ", ".join(arrays) or "nothing"
        raise DataError("EP-303", f"{where}: no training inputs; the archive has {found}", _HINT)
    return RawData(where, splits, class_names)


def _unpack(file: Path, scratch: Path) -> dict[str, NDArray[Any]]:
    """Every array of the archive by its name in lower case, memory-mapped from `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if member.filename.endswith(".npy")]
            for number, member in enumerate(members):
                target = scratch / f"{number}.npy"
                with archive.open(member) as source, target.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 20)
                name = member.filename.removesuffix(".npy").lower()
                arrays[name] = _open(file, name, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            "EP-302",
            f"{file.name}: not a whole .npz archive ({error})",
            "write it again with numpy.savez_compressed, or copy it again if it was cut short",
        ) from error
    return arrays


def _open(file: Path, name: str, member: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(member, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        if "object" in str(error).lower():
            raise DataError(
                "EP-308",
                f"{file.name}: {name} holds Python objects (pickled), which are never read",
                "save plain numbers: examples of one shape, stacked into one array",
            ) from error
        try:  # a zero-size array cannot be mapped
            array = np.load(member, allow_pickle=False)
        except (ValueError, EOFError) as again:
            raise DataError("EP-302", f"{file.name}: {name} is not a NumPy array ({again})", "write the archive again") from again
    return array


def _named(arrays: Mapping[str, NDArray[Any]], split: str) -> RawSplit | None:
    for inputs, labels in _KEYS[split]:
        if inputs in arrays:
            return RawSplit((arrays[inputs],), arrays.get(labels))
    return None


def _by_split_column(where: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, RawSplit]:
    inputs, labels, column = arrays["x"], arrays.get("y"), arrays.get("split")
    if column is None:
        return {"train": RawSplit((inputs,), labels)}
    if column.shape != inputs.shape[:1]:
        raise DataError("EP-303", f"{where}: split has shape {column.shape}, x has {len(inputs)} examples", _HINT)
    splits: dict[str, RawSplit] = {}
    column = column.astype(str)
    for split, values in _SPLIT_VALUES.items():
        rows = np.flatnonzero(np.isin(column, values))
        if len(rows):
            splits[split] = RawSplit((inputs,), labels, rows)
    return splits
