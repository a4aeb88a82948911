"""What a zip or HDF5 file may refer to: nothing outside of itself.

HDF5 can keep a dataset's content in another file, link to objects of other files, and gather a dataset from several files;
whoever opens it then reads those. Both formats can also promise far more content than they hold.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.frameworks import import_h5py

# A file may unpack to this many bytes, or to so many times its own size. Keras stores its files unpacked; zeros of a pruned model
# that somebody packed with gzip take about a thousandth.
_SMALL = 1 << 30
_EXPANSION = 100
_ANOTHER = "save the model again with model.save()"


def check_container(path: Path, kind: Literal["h5", "keras"]) -> None:
    """Refuse a file that leads to other files, is of two kinds at once, or would fill the memory.

    Raises:
        ModelError: EP-237.
        OSError, zipfile.BadZipFile: the file is damaged.
    """
    if kind == "h5":
        # Keras goes by the name's end, and a zip file may begin with anything.
        if zipfile.is_zipfile(path):
            raise _refused(path, "is an HDF5 file and a zip file at once")
        _check_hdf5(path, path.stat().st_size, path)
        return
    if path.suffix != ".keras":
        raise _refused(path, "is a zip file that is not called .keras", 'call it "model.keras"')
    with zipfile.ZipFile(path) as archive:
        size = path.stat().st_size
        total = sum(member.file_size for member in archive.infolist())
        if total > max(_SMALL, _EXPANSION * size):
            raise _refused(path, f"unpacks from {size:,} to {total:,} bytes")
        for info in archive.infolist():
            if info.filename.endswith(".h5"):
                with archive.open(info) as member:
                    _check_hdf5(member, info.file_size, path)


def _check_hdf5(file: Any, size: int, path: Path) -> None:
    h5py = import_h5py()
    total = 0
    with h5py.File(file, "r") as opened:
        for name, item in _items(opened, path):
            if not isinstance(item, h5py.Dataset):
                continue
            if item.external:
                raise _refused(path, f"keeps {name} in another file, {item.external[0][0]}")
            if item.is_virtual:
                raise _refused(path, f"gathers {name} from other files")
            total += item.size * item.dtype.itemsize
    if total > max(_SMALL, _EXPANSION * size):
        raise _refused(path, f"promises {total:,} bytes of weights in {size:,} bytes")


def _items(group: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Every object of an HDF5 file once, no link followed that leads elsewhere."""
    h5py = import_h5py()
    seen, waiting = set(), [group]
    while waiting:
        here = waiting.pop()
        for name in here:
            full = f"{here.name.rstrip('/')}/{name}"
            if not isinstance(_link(here, name), h5py.HardLink):
                raise _refused(path, f"has a link at {full}, where weights should be")
            item = here[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            yield full, item
            if isinstance(item, h5py.Group):
                waiting.append(item)


def _link(group: Any, name: str) -> Any:
    try:
        return group.get(name, getlink=True)
    except TypeError:  # a kind of link that somebody defined
        return None


def _refused(path: Path, what: str, hint: str = _ANOTHER) -> ModelError:
    return ModelError("EP-237", f"{path.name} {what}", hint)
