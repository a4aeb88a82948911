"""The test split as the model takes it: quantised on the host, raw, one file an input, content-addressed on the device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgepack.devices import Device
from edgepack.ground.errors import DataError
from edgepack.ground.files import sha256_file
from edgepack.ground.progress import Task
from edgepack.releases.release import wrong_files
from edgepack.remote.layout import Layout
from edgepack.remote.script import check_script
from edgepack.remote.space import check_space
from edgepack.sources import Examples, blocks

if TYPE_CHECKING:
    from edgepack.pack import GoldenTensor

_KEPT = 4  # files of test inputs that stay on the device

# Files are touched when used; the ones used longest ago go, and outputs that a killed run left behind.
_TIDY = """\
cd "$1" || exit 70
find . '(' -name 'output-*' -o -name '*.part-*' ')' -mmin +60 -exec rm -f {} +
keep=$2; shift 2
touch -- "$@"
ls -1t -- *.bin 2>/dev/null | tail -n "+$((keep + 1))" | while IFS= read -r file; do rm -f -- "$file"; done
"""


def write_inputs(folder: Path, tensors: Sequence[GoldenTensor], arrays: Sequence[Examples]) -> list[Path]:
    """Write the examples of each input, quantised with the tensor's scale and zero point, as raw little-endian files.

    Raises:
        DataError: EP-381 when the examples do not have the size that the model takes.
    """
    check_fit(tensors, arrays)
    files = []
    for index, (tensor, array) in enumerate(zip(tensors, arrays, strict=True)):
        little = np.dtype(tensor.dtype).newbyteorder("<")
        files.append(folder / f"input_{index}.bin")
        with files[-1].open("wb") as file:
            for part in blocks(array):
                values = tensor.encode(np.asarray(array[part]))
                file.write(np.ascontiguousarray(values, little).tobytes())
    return files


def check_fit(tensors: Sequence[GoldenTensor], arrays: Sequence[Examples]) -> None:
    """Refuse examples that are not of the model's inputs.

    Raises:
        DataError: EP-381 when there are more or fewer arrays than inputs, or an example has another size.
    """
    if len(tensors) != len(arrays):
        raise DataError("EP-381", f"the data has {len(arrays)} inputs, the model takes {len(tensors)}", "give one array an input")
    for tensor, array in zip(tensors, arrays, strict=True):
        if int(np.prod(array.shape[1:], dtype=np.int64)) != int(np.prod(tensor.shape, dtype=np.int64)):
            raise DataError(
                "EP-381",
                f"the test examples have shape {list(array.shape[1:])}, input {tensor.name} takes {list(tensor.shape)}",
                "check the data and its preprocessing against `edgepack inspect`",
            )


def provide_inputs(device: Device, place: Layout, files: Sequence[Path], task: Task) -> list[str]:
    """The paths of `files` on the device; what an earlier run sent is verified there and not sent again."""
    hashes = [sha256_file(file) for file in files]
    folder = f"{place.folder}/data"
    sums = "".join(f"{digest}  {digest}.bin\n" for digest in hashes)
    missing = set(wrong_files(device, folder, sums))
    wanted = [(file, digest) for file, digest in zip(files, hashes, strict=True) if f"{digest}.bin" in missing]
    if wanted:
        check_script(device, 'mkdir -p -- "$1"', [folder], folder)
        check_space(device, folder, sum(file.stat().st_size for file, _ in wanted))
    for file, digest in wanted:
        device.put(file, place.data(digest), task)
    names = [f"{digest}.bin" for digest in hashes]
    check_script(device, _TIDY, [folder, str(max(_KEPT, len(names))), *names], folder)
    return [place.data(digest) for digest in hashes]
