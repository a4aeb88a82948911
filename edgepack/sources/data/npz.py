"""NumPy archives: which keys they may have, and reading them without loading them whole."""

from __future__ import annotations

import math
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.project.units import format_bytes
from edgepack.sources.data.raw import RawData, RawSplit
from edgepack.sources.data.split_names import split_of

# For each split, the names an archive may use for inputs and labels, in lower case.
_KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "train": (
        ("x_train", "y_train"),
        ("xtr", "ytr"),
        ("train_images", "train_labels"),
        ("train_x", "train_y"),
        ("trainx", "trainy"),
        ("train_data", "train_labels"),
    ),
    "validation": (
        ("x_validation", "y_validation"),
        ("x_val", "y_val"),
        ("x_valid", "y_valid"),
        ("xva", "yva"),
        ("val_images", "val_labels"),
        ("val_x", "val_y"),
        ("valx", "valy"),
        ("val_data", "val_labels"),
    ),
    "test": (
        ("x_test", "y_test"),
        ("xte", "yte"),
        ("test_images", "test_labels"),
        ("test_x", "test_y"),
        ("testx", "testy"),
        ("test_data", "test_labels"),
    ),
    "representative": (("x_representative", ""), ("x_calibration", "")),
}
_NAMES = ("class_names", "classes", "names", "labels")
_SPLIT_NUMBERS = ("train", "validation", "test")
# What an archive may unpack to unless [data] max_unpacked says more. Deflate packs zeros a thousandfold: a file that is small to
# send fills a disk. Real data hardly packs to a hundredth, and little of anything is harmless.
_ALWAYS, _RATIO, _MOST = 1 << 30, 100, 64 << 30
_MEMBERS = 1000
_NAMES_BYTES = 16 << 20
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # those numpy writes; of others one block may unpack to gigabytes

_HINT = (
    "name the arrays x_train, y_train, x_test, y_test (x_validation, y_validation), "
    "or x, y and split (0 train, 1 validation, 2 test)"
)


def read_npz(file: Path, scratch: Path, max_unpacked: int | None = None) -> RawData:
    """The data of an archive; its members are unpacked into `scratch` and memory-mapped.

    `max_unpacked` are the bytes it may unpack to; without it a hundred times its own size, but at least 1 GiB and at
    most 64 GiB.

    Raises:
        DataError: EP-302 for a file that is not a whole archive, EP-308 for an array of Python objects or strings, EP-323 for
            one that unpacks to more than it may; and as `read_arrays` says.
    """
    return read_arrays(_unpack(file, scratch, max_unpacked), file.name)


def read_arrays(arrays: Mapping[str, NDArray[Any]], where: str) -> RawData:
    """The data in arrays under the names that archives may use, in lower case; `where` names their source in messages.

    Raises:
        DataError: EP-303 when there are no inputs under a known name.
    """
    names = next((arrays[key] for key in _NAMES if key in arrays and arrays[key].dtype.kind in "US"), None)
    if names is not None and names.nbytes > _NAMES_BYTES:
        raise DataError("EP-303", f"{where}: the class names take {names.nbytes >> 20} MiB", "give one short name a class")
    class_names = () if names is None else tuple(str(name) for name in names.reshape(-1))
    if "x" in arrays and "x_train" not in arrays:
        splits = _by_split_column(where, arrays)
    else:
        splits = {split: given for split in _KEYS if (given := _named(arrays, split)) is not None}
    if "train" not in splits and "test" not in splits:
        found = ", ".join(arrays) or "nothing"
        raise DataError("EP-303", f"{where}: no training inputs; the archive has {found}", _HINT)
    return RawData(where, splits, class_names)


def _unpack(file: Path, scratch: Path, max_unpacked: int | None) -> dict[str, NDArray[Any]]:
    """Every array of the archive by its name in lower case, memory-mapped from `scratch`."""
    scratch.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {}
    with _damaged(file), zipfile.ZipFile(file) as archive:
        for number, (name, member) in enumerate(_members(file, archive, max_unpacked).items()):
            target = scratch / f"{number}.npy"  # never the member's own name, which may lead anywhere
            with archive.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            arrays[name] = _open(file, name, target)
    return arrays


def _members(file: Path, archive: zipfile.ZipFile, max_unpacked: int | None) -> dict[str, zipfile.ZipInfo]:
    """The archive's arrays by name, once their sizes were found bearable; zipfile gives no byte more than these say."""
    found = [member for member in archive.infolist() if member.filename.endswith(".npy")]
    if len(found) > _MEMBERS:
        raise DataError("EP-302", f"{file.name}: holds {len(found)} arrays", f"give at most {_MEMBERS}: inputs, labels, names")
    members: dict[str, zipfile.ZipInfo] = {}
    for member in found:
        name = member.filename.removesuffix(".npy").lower()
        if name in members:
            raise DataError("EP-302", f"{file.name}: holds {name} twice", "write it again with numpy.savez_compressed")
        if member.compress_type not in _METHODS:
            raise zipfile.BadZipFile(f"{name} is compressed in a way that NumPy does not write")
        members[name] = member
    size, packed = sum(member.file_size for member in found), file.stat().st_size
    most = max(_ALWAYS, min(_RATIO * packed, _MOST)) if max_unpacked is None else max_unpacked
    if size > most:
        raise DataError(
            "EP-323",
            f"{file.name}: {format_bytes(packed)} unpack to {format_bytes(size)}, more than {format_bytes(most)}",
            f'if it is what you meant to load, set max_unpacked = "{-(-size >> 30)} GiB" under [data]',
        )
    return members


@contextmanager
def _damaged(file: Path) -> Iterator[None]:
    """Turn what zipfile and the decompressor make of a damaged archive into EP-302."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(
            "EP-302",
            f"{file.name}: not a whole .npz archive ({error})",
            "write it again with numpy.savez_compressed, or copy it again if it was cut short",
        ) from error


def _open(file: Path, name: str, member: Path) -> NDArray[Any]:
    """A member that was unpacked, mapped when its header's shape is what it holds: NumPy would make room for any other first."""
    try:
        with member.open("rb") as stream:
            shape, dtype = _header(stream)
            there = member.stat().st_size - stream.tell()
        if dtype.hasobject:
            raise DataError(
                "EP-308",
                f"{file.name}: {name} holds Python objects (pickled), which are never read",
                "save plain numbers: examples of one shape, stacked into one array",
            )
        if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize > there:
            raise ValueError(f"its header says {'x'.join(map(str, shape))[:100]}, and {there} bytes follow")
        empty = math.prod(shape) * dtype.itemsize == 0  # and cannot be mapped
        array: NDArray[Any] = np.load(member, mmap_mode=None if empty else "r", allow_pickle=False)
    except (ValueError, TypeError, EOFError, OverflowError, SyntaxError, RecursionError, SystemError, MemoryError) as error:
        why = str(error)[:200] or type(error).__name__
        raise DataError("EP-302", f"{file.name}: {name} is not a NumPy array ({why})", "write the archive again") from error
    return array


def _header(stream: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of a .npy file, read up to its values."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    version = np.lib.format.read_magic(stream)  # type: ignore[no-untyped-call]
    if version not in read:
        raise ValueError(f"format version {version} is for structured arrays")
    shape, _, dtype = read[version](stream)  # type: ignore[no-untyped-call]
    return shape, dtype


def _named(arrays: Mapping[str, NDArray[Any]], split: str) -> RawSplit | None:
    for inputs, labels in _KEYS[split]:
        if inputs in arrays:
            others = (other for _, other in _KEYS[split])  # such as x_train with train_labels
            found = next((arrays[name] for name in (labels, *others) if name in arrays), None)
            return RawSplit((arrays[inputs],), found)
    return None


def _by_split_column(where: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, RawSplit]:
    inputs, labels, column = arrays["x"], arrays.get("y"), arrays.get("split")
    if column is None:
        return {"train": RawSplit((inputs,), labels)}
    if column.shape != inputs.shape[:1]:
        raise DataError("EP-303", f"{where}: split has shape {column.shape}, x has {len(inputs)} examples", _HINT)
    splits: dict[str, RawSplit] = {}
    values, places = np.unique(column.astype(str) if column.dtype.kind == "S" else column, return_inverse=True)
    named = np.array([_named_by(str(value).strip()) for value in values])
    for split in _SPLIT_NUMBERS:
        rows = np.flatnonzero((named == split)[places]) if len(values) else places
        if len(rows):
            splits[split] = RawSplit((inputs,), labels, rows)
    return splits


def _named_by(value: str) -> str:
    """The split that a value of the column `split` means; empty for none."""
    number = value.removesuffix(".0")
    if number in ("0", "1", "2"):
        return _SPLIT_NUMBERS[int(number)]
    said = split_of(value)
    return said[0] if said is not None and not said[1] else ""
