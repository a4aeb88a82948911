"""Images of every kind of pixel as RGB or greyscale bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

_BITS_PER_SAMPLE = 258  # a TIFF tag
_WHITE = (255, 255, 255, 255)


def upright_bytes(opened: Image, color: Literal["rgb", "grayscale"]) -> Image:
    """The first frame of an image, turned as its EXIF says, in mode RGB or L.

    16-bit grey levels are divided by 257, so that white (65535) is 255; 12-bit ones of a TIFF by 4095/255. Transparent pixels
    are laid over white: the colour that a file keeps under them is arbitrary.

    Raises:
        ValueError: grey levels of 32 bits, or floats: which of them is white is not known.
    """
    from PIL import Image, ImageOps

    image: Image.Image = ImageOps.exif_transpose(opened)
    if image.mode == "F" or (image.mode == "I" and opened.format == "TIFF"):
        low, high = image.getextrema()
        kind = "floats" if image.mode == "F" else "integers of 32 bits"
        raise ValueError(
            f"its grey levels are {kind}, {low:.6g} to {high:.6g}, of which none is known to be white; "
            "save it with 8 or 16 bits, or read it in data.py"
        )
    if image.mode == "I" or image.mode.startswith("I;16"):  # Pillow reads a 16-bit PGM as I
        image = Image.fromarray(_to_bytes(np.asarray(image), _white(opened)))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image)
    return image.convert("RGB" if color == "rgb" else "L")


def _white(opened: Image) -> int:
    """The grey level of white in an image of up to 16 bits."""
    tags: Any = getattr(opened, "tag_v2", {})
    return 4095 if tuple(tags.get(_BITS_PER_SAMPLE, ())) == (12,) else 65535


def _to_bytes(levels: Any, white: int) -> Any:
    return np.clip(np.rint(levels.astype(np.float64) * (255 / white)), 0, 255).astype(np.uint8)
