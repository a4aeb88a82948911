"""Folders of images, one folder a class."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.sources.data.folders import class_folders, find_layout, image_files
from edgepack.sources.data.pixels import upright_bytes
from edgepack.sources.data.raw import Index, RawData, RawSplit

if TYPE_CHECKING:
    from PIL.Image import Image

# The formats of those names. Pillow knows some forty more and tells them by content, whatever a file is called: PostScript
# among them, for which it runs a program.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_LARGEST = 1 << 30  # bytes of an image file: as many as the most pixels take uncompressed


@dataclass(frozen=True)
class ImageRows:
    """Images read when asked for: uint8, height x width x channels (3 for RGB, 1 for greyscale)."""

    files: tuple[Path, ...]
    size: tuple[int, int]
    color: Literal["rgb", "grayscale"]
    resize: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of images, height, width, channels."""
        return (len(self.files), *self.size, 3 if self.color == "rgb" else 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """The images of these numbers."""
        return np.stack([self._read(self.files[number]) for number in index])

    def _read(self, file: Path) -> NDArray[Any]:
        from PIL import Image

        with _opened(file) as opened:
            image = upright_bytes(opened, self.color)
        height, width = self.size
        if image.size != (width, height):
            if not self.resize:
                raise DataError(
                    "EP-317",
                    f"{_short(file)} is {image.height}x{image.width}, the first image is {height}x{width}",
                    "set image_size = [HEIGHT, WIDTH] under [data] to resize every image",
                )
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(image, dtype=np.uint8)
        return pixels if pixels.ndim == 3 else pixels[..., None]


def read_images(folder: Path, size: tuple[int, int] | None, color: Literal["rgb", "grayscale"]) -> RawData:
    """The images below `folder`: in train/, test/ (validation/) with a folder a class, or in a folder a class alone.

    Splits have all the names that `folders` knows. Classes are numbered in the order of their sorted names. Every image is turned
    upright (EXIF), converted to `color`, and resized (bilinear) to `size`, (height, width); without `size` all must have the
    size of the first.

    Raises:
        DataError: EP-318 when there are no images in class folders, or the splits' classes differ; EP-317 for an image that
            cannot be read or has another size.
    """
    layout = find_layout(folder)
    first = "train" if "train" in layout.splits else "test"
    classes = [entry.name for entry in class_folders(layout.splits[first])]
    files = {name: _files(found, classes) for name, found in layout.splits.items()}
    height, width = size or _first_size(files[first][0][0])

    def split(name: str) -> RawSplit:
        rows = ImageRows(tuple(file for file, _ in files[name]), (height, width), color, size is not None)
        labels = np.array([number for _, number in files[name]], np.int64)
        origin = f"from {layout.splits[name].relative_to(folder).as_posix()}/" if layout.named else ""
        return RawSplit((rows,), None if name == "representative" else labels, origin=origin)

    return RawData(
        folder.name,
        {name: split(name) for name in files},
        class_names=tuple(classes),
        preprocessing={
            "input": f"{'RGB' if color == 'rgb' else 'greyscale'} pixels 0..255, upright, {height}x{width}",
            "resize": "bilinear (Pillow)" if size else "none",
        },
        warnings=tuple(f"{folder.name}: {text}" for text in layout.aside),
    )


def _files(folder: Path, classes: list[str]) -> list[tuple[Path, int]]:
    """Each image of a split and its class number; 0 for those of a representative split without class folders."""
    found = {entry.name for entry in class_folders(folder)}
    if not found:
        return [(file, 0) for file in image_files(folder)]
    unknown = sorted(found - set(classes))
    if unknown:
        raise DataError("EP-318", f"{folder}: class {unknown[0]} is not in the training data", "give both the same class folders")
    return [(file, number) for number, name in enumerate(classes) for file in image_files(folder / name)]


def _first_size(file: Path) -> tuple[int, int]:
    from PIL import ImageOps

    with _opened(file) as opened:
        image = ImageOps.exif_transpose(opened)
        return image.height, image.width


@contextmanager
def _opened(file: Path) -> Iterator[Image]:
    """An image of one of the formats meant, from a regular file, while a block works on it; pixels are bounded by Pillow's limit.

    Raises:
        DataError: EP-317 with the file's name, whatever goes wrong with it, in the block too: decoders of damaged content
            raise many things.
    """
    from PIL import Image

    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is not a regular file")
        if found.st_size > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as opened:
                yield opened
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        most = f"{(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} million pixels"
        raise DataError("EP-317", f"{_short(file)}: has more than {most}", "scale it down, or remove the file") from error
    except Exception as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> DataError:
    why = str(error)[:200] or type(error).__name__
    return DataError("EP-317", f"{_short(file)}: cannot be read as an image ({why})", "repair or remove the file")


def _short(file: Path) -> str:
    """The class folder and the file name."""
    return f"{file.parent.name}/{file.name}"
