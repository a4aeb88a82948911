"""Images of every kind of pixel become the bytes that a viewer shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgepack.ground.errors import DataError
from edgepack.sources.data.images import ImageRows

RAMP = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257


def read(file: Path, color: str = "grayscale") -> np.ndarray:
    with Image.open(file) as opened:
        size = (opened.height, opened.width)
    return ImageRows((file,), size, color, False)[np.array([0])][0]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_grey_levels_of_16_bits_keep_their_order(name: str, tmp_path: Path) -> None:
    file = tmp_path / name
    if name.endswith("pgm"):
        file.write_bytes(b"P5 16 16 65535\n" + RAMP.astype(">u2").tobytes())
    else:
        Image.fromarray(RAMP).save(file)
    np.testing.assert_array_equal(read(file)[..., 0], np.arange(256).reshape(16, 16))
    np.testing.assert_array_equal(read(file, "rgb")[..., 2], np.arange(256).reshape(16, 16))


def test_a_tiff_of_the_other_byte_order_is_the_same(tmp_path: Path) -> None:
    Image.frombytes("I;16B", (16, 16), RAMP.astype(">u2").tobytes()).save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read(tmp_path / "a.tif")[..., 0], np.arange(256).reshape(16, 16))


@pytest.mark.parametrize(("dtype", "text"), [(np.float32, "floats, 0 to 65535"), (np.int32, "integers of 32 bits, 0 to 65535")])
def test_levels_without_a_known_white_are_refused(dtype: type, text: str, tmp_path: Path) -> None:
    Image.fromarray(RAMP.astype(dtype)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=text) as error:
        read(tmp_path / "a.tif")
    assert error.value.code == "EP-317"


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    ink = np.zeros((4, 4), np.uint8)
    opacity = np.full((4, 4), 255, np.uint8)
    opacity[:2] = 0
    opacity[2] = 102  # 40 %
    expected = np.repeat([255, 255, 153, 0], 4).reshape(4, 4)
    Image.merge("LA", [Image.fromarray(ink), Image.fromarray(opacity)]).save(tmp_path / "la.png")
    Image.merge("RGBA", [*[Image.fromarray(ink)] * 3, Image.fromarray(opacity)]).save(tmp_path / "rgba.png")
    for name in ("la.png", "rgba.png"):
        np.testing.assert_array_equal(read(tmp_path / name)[..., 0], expected)
        np.testing.assert_array_equal(read(tmp_path / name, "rgb")[..., 1], expected)


def test_a_palette_gives_its_colours_and_its_transparent_one_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 0, 0])
    image.save(tmp_path / "p.png", transparency=2)
    found = read(tmp_path / "p.png", "rgb")
    assert found.tolist() == [[[10, 20, 30], [200, 0, 0]], [[255, 255, 255], [200, 0, 0]]]
    image.save(tmp_path / "p.gif", transparency=2)
    assert read(tmp_path / "p.gif", "rgb")[1, 0].tolist() == [255, 255, 255]


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.eye(8) > 0).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read(tmp_path / "a.png")[..., 0], np.eye(8) * 255)


def test_cmyk_is_ink_on_white(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif", "rgb")[0, 0].tolist() == [255, 0, 0]
    Image.new("CMYK", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg", "rgb").min() >= 253


def test_the_first_frame_of_an_animation_is_used(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **({"lossless": True} if "webp" in name else {}))
        assert read(tmp_path / name, "rgb")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB"])
def test_a_photo_is_turned_upright_whatever_its_pixels(mode: str, tmp_path: Path) -> None:
    levels = RAMP[:2, :3] if mode == "I;16" else np.arange(6, dtype=np.uint8).reshape(2, 3)
    image = Image.fromarray(levels) if mode == "I;16" else Image.fromarray(levels).convert(mode)
    exif = image.getexif()
    exif[0x0112] = 6  # a quarter turn clockwise
    image.save(tmp_path / "a.png", exif=exif)
    rows = ImageRows((tmp_path / "a.png",), (3, 2), "grayscale", False)
    low = np.arange(6).reshape(2, 3) if mode != "I;16" else np.rint(levels / 257)
    np.testing.assert_array_equal(rows[np.array([0])][0, ..., 0], np.rot90(low, -1))
