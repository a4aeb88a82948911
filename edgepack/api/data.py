"""`edgepack.read_npz`: the data of an archive, for a project's own `load`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepack.api.settings import File
from edgepack.ground.scratch import scratch_folder


def read_npz(file: File) -> dict[str, Any]:
    """What an .npz holds, in the form that a project's `load(path)` returns: "train": (x, y), "test": …, "class_names".

    Arrays have any of the names in docs/guides/data.md, and are memory-mapped, not to be written to. Labels that the archive
    does not have are None.

    Args:
        file: The archive.

    Raises:
        DataError: EP-301 when there is no such file, EP-302 for a damaged one, EP-303 when no array has a known name, EP-308 for
            arrays of Python objects, EP-323 for an archive that unpacks to too much.
    """
    from edgepack.ground.errors import DataError
    from edgepack.sources.data import npz

    path = Path(file)
    if not path.is_file():
        raise DataError("EP-301", f"{path.name}: there is no such .npz file", "give the path of an archive")
    with scratch_folder("edgepack-npz-") as scratch:  # what is mapped stays when its name is gone
        raw = npz.read_npz(path, Path(scratch))
    found: dict[str, Any] = {
        name: (split.inputs[0] if split.rows is None else split.inputs[0][split.rows], split.chosen_labels())
        for name, split in raw.splits.items()
    }
    return {**found, "class_names": list(raw.class_names)} if raw.class_names else found
