"""Data files that somebody else made: none fills the disk or the memory, runs a program or waits for ever."""

from __future__ import annotations

import io
import os
import struct
import time
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgepack.ground.cache import Cache
from edgepack.ground.errors import DataError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import load_data
from edgepack.sources.data.images import read_images
from tests.sources.conftest import MakeProject

QUIET = SilentProgress()
GIB = 1 << 30


def refused(project: Any, cache: Cache, code: str, words: str) -> DataError:
    """The error, once loading was found to cost little memory and to leave nothing behind."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(DataError, match=words) as caught:
            load_data(project, cache, QUIET)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code == code and caught.value.hint and "\n" not in str(caught.value)
    assert peak < 64 << 20 and time.process_time() - start < 20
    assert not [entry for entry in cache.folder.glob("*") if entry.is_dir()]
    return caught.value


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def header(shape: str, descr: str = "'<f4'") -> bytes:
    """The beginning of a .npy file, whatever it says."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def archive(file: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in members:
            out.writestr(name, content)


def bomb(file: Path, size: int) -> None:
    """An archive whose x is `size` bytes of zeros."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out,
        out.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write(header(f"({size},)", "'|u1'"))
        block = bytes(1 << 24)
        for _ in range(size >> 24):
            member.write(block)


class TestArchives:
    def test_a_bomb_is_refused_before_a_byte_is_unpacked(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        bomb(folder / "d.npz", GIB + (1 << 24))
        assert (folder / "d.npz").stat().st_size < 8 << 20
        error = refused(project("d.npz"), cache, "EP-323", r"d\.npz: .* unpack to 1\.02 GiB, more than 1 GiB")
        assert 'max_unpacked = "2 GiB"' in error.hint

    def test_the_key_moves_the_limit(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        np.savez_compressed(folder / "d.npz", x=np.zeros((50, 400)), y=np.arange(50) % 2)
        refused(project("d.npz", max_unpacked=100_000), cache, "EP-323", "more than 97.7 KiB")
        assert len(load_data(project("d.npz", max_unpacked=200_000), cache, QUIET).train) > 0

    def test_a_size_that_is_a_lie_does_not_help(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        bomb(folder / "d.npz", 1 << 28)
        content = (folder / "d.npz").read_bytes()
        declared = struct.pack("<L", (1 << 28) + len(header(f"({1 << 28},)", "'|u1'")))
        assert content.count(declared) >= 1
        (folder / "d.npz").write_bytes(content.replace(declared, struct.pack("<L", 1000)))
        refused(project("d.npz"), cache, "EP-302", r"d\.npz: ")

    @pytest.mark.parametrize(
        "shape", ["(1000000000000,)", "(1 << 62,)", "(-1,)", "(-4, -4)", "((3,),)", "(2.0,)", "(True,)", f"({10**30},)"]
    )
    def test_a_shape_beyond_the_values_makes_no_room(self, shape: str, folder: Path, cache: Cache, project: MakeProject) -> None:
        archive(folder / "d.npz", [("x.npy", header(shape) + b"\0"), ("y.npy", npy(np.arange(4)))])
        refused(project("d.npz"), cache, "EP-302", "x is not a NumPy array")

    @pytest.mark.parametrize("descr", ["'O'", "[('a', 'O')]", "[('a', [('b', '<f4'), ('c', 'O')])]"])
    def test_objects_are_refused_wherever_they_hide(self, descr: str, folder: Path, cache: Cache, project: MakeProject) -> None:
        archive(folder / "d.npz", [("x.npy", header("(2,)", descr) + b"cos\nsystem\n(S'touch pwned'\ntR.")])
        refused(project("d.npz"), cache, "EP-308", "holds Python objects")

    @pytest.mark.parametrize("names", [("x.npy", "x.npy"), ("x.npy", "X.npy")])
    def test_a_name_twice_is_refused(self, names: tuple[str, str], folder: Path, cache: Cache, project: MakeProject) -> None:
        with pytest.warns(UserWarning, match="Duplicate") if names[0] == names[1] else pytest.MonkeyPatch.context():
            archive(folder / "d.npz", [(name, npy(np.zeros((4, 2)))) for name in names])
        refused(project("d.npz"), cache, "EP-302", "holds x twice")

    def test_a_name_that_leads_elsewhere_leads_nowhere(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        names = ("../../../escaped.npy", f"{folder}/absolute.npy", "x.npy", "y.npy")
        archive(folder / "d.npz", [(name, npy(np.arange(40) % 2 if name == "y.npy" else np.zeros((40, 2)))) for name in names])
        before = set(folder.parent.rglob("*.npy"))
        load_data(project("d.npz"), cache, QUIET)
        assert not [file for file in set(folder.parent.rglob("*.npy")) - before if cache.folder not in file.parents]

    def test_an_encrypted_archive_is_refused(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        archive(folder / "d.npz", [("x.npy", npy(np.zeros((4, 2))))])
        content = bytearray((folder / "d.npz").read_bytes())
        content[6] |= 1
        content[content.rindex(b"PK\x01\x02") + 8] |= 1
        (folder / "d.npz").write_bytes(content)
        refused(project("d.npz"), cache, "EP-302", "encrypted")

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_compression_of_which_a_block_fills_the_memory_is_refused(
        self, method: int, folder: Path, cache: Cache, project: MakeProject
    ) -> None:
        archive(folder / "d.npz", [("x.npy", npy(np.zeros((1000, 1000))))], method)
        refused(project("d.npz"), cache, "EP-302", "NumPy does not write")

    def test_ten_thousand_members_do_not_use_up_the_open_files(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        archive(folder / "d.npz", [(f"a{number}.npy", npy(np.zeros(1))) for number in range(10_000)])
        refused(project("d.npz"), cache, "EP-302", "holds 10000 arrays")

    def test_a_pipe_is_no_archive(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        os.mkfifo(folder / "d.npz")
        refused(project("d.npz"), cache, "EP-301", "not a regular file")

    def test_damaged_archives_give_an_error_of_the_data(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        np.savez_compressed(folder / "d.npz", x=np.random.default_rng(0).normal(size=(20, 3)), y=np.arange(20) % 2)
        whole, random = (folder / "d.npz").read_bytes(), np.random.default_rng(1)
        for _ in range(300):
            content = bytearray(whole)
            for place in random.integers(0, len(content), random.integers(1, 6)):
                content[place] = random.integers(256)
            (folder / "d.npz").write_bytes(content[: len(content) - int(random.integers(0, 3))])
            try:
                load_data(project("d.npz"), cache, QUIET)
            except DataError as error:
                assert error.exit_code == 3


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "value"),
        [
            (np.array([0, 1, 2] * 10 + [10**8]), "class number 100000000 occurs, but train has only"),
            (np.array([0, 1, 2] * 10 + [2**31 - 1], np.int64), "class number 2147483647 occurs"),
            (np.array([0, 1, 2] * 10 + [-1]), "labels hold -1"),
            (np.array([0, 1, 2] * 10 + [2**63], np.uint64), "labels hold 9223372036854775808"),
            (np.array([0, 1, 2] * 10 + [2**63 - 1], np.int64), "labels hold 9223372036854775807"),
            (np.array([0, 1, 2] * 10 + [-1.0]), "labels hold -1.0"),
            (np.array([0, 1, 2] * 10 + [np.inf]), "labels hold inf"),
            (np.array([0, 1, 2] * 10 + [np.nan]), "labels hold nan"),
            (np.array([0, 1, 2] * 10 + [1e30]), "labels hold 1e\\+30"),
        ],
    )
    def test_one_label_gone_wrong_is_named_and_costs_nothing(
        self, labels: np.ndarray, value: str, folder: Path, cache: Cache, project: MakeProject
    ) -> None:
        test = np.array([0, 1, 2])
        np.savez(folder / "d.npz", x_train=np.zeros((31, 2)), y_train=labels, x_test=np.zeros((3, 2)), y_test=test)
        refused(project("d.npz"), cache, "EP-313" if value.startswith("class") else "EP-314", value)


def picture(folder: Path, name: str = "3.png") -> Path:
    """A file among good images of two classes, for a test to replace."""
    for kind in ("cat", "dog"):
        (folder / "images" / kind).mkdir(parents=True)
        for number in range(8):
            Image.new("RGB", (6, 4), (number, 0, 0)).save(folder / "images" / kind / f"{number}.png")
    (folder / "images/cat/3.png").unlink()
    return folder / "images/cat" / name


def png(width: int, height: int, rows: bytes) -> bytes:
    """A greyscale PNG with this much in it, whatever its size says."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class TestImages:
    @pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
    def test_a_bomb_of_pixels_is_refused(
        self, size: tuple[int, int], folder: Path, cache: Cache, project: MakeProject, recwarn: pytest.WarningsRecorder
    ) -> None:
        picture(folder).write_bytes(png(*size, bytes(1 << 20)))
        refused(project("images"), cache, "EP-317", r"cat/3\.png: has more than 89 million pixels")
        assert not recwarn

    def test_postscript_under_another_name_runs_no_program(
        self, folder: Path, tmp_path: Path, cache: Cache, project: MakeProject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ghostscript = tmp_path / "bin" / "gs"
        ghostscript.parent.mkdir()
        ghostscript.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
        ghostscript.chmod(0o755)
        monkeypatch.setenv("PATH", f"{ghostscript.parent}:{os.environ['PATH']}")
        picture(folder).write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 6 4\n%%EndComments\nshowpage\n%%EOF\n")
        refused(project("images"), cache, "EP-317", r"cat/3\.png: cannot be read as an image")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize("kind", ["ICO", "TGA", "PCX", "SGI", "PDF", "DDS"])
    def test_formats_that_nobody_means_are_refused(self, kind: str, folder: Path, cache: Cache, project: MakeProject) -> None:
        Image.new("RGB", (6, 4)).save(picture(folder), format=kind)
        refused(project("images"), cache, "EP-317", r"cat/3\.png: cannot be read as an image")

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
    def test_the_formats_that_are_meant_are_read(self, kind: str, folder: Path, cache: Cache, project: MakeProject) -> None:
        Image.new("RGB", (6, 4)).save(picture(folder), format=kind)
        assert load_data(project("images"), cache, QUIET).train.inputs[0].shape[1:] == (4, 6, 3)

    @pytest.mark.parametrize("through_link", [False, True])
    def test_pipes_and_devices_are_refused(
        self, through_link: bool, folder: Path, tmp_path: Path, cache: Cache, project: MakeProject
    ) -> None:
        file = picture(folder)
        if through_link:
            file.symlink_to("/dev/zero")
        else:
            os.mkfifo(file)
        refused(project("images"), cache, "EP-317", r"cat/3\.png: .*not a regular file")

    def test_a_file_of_a_terabyte_is_not_read(self, folder: Path) -> None:
        file = picture(folder, "3.webp")
        file.write_bytes(b"RIFF\xff\xff\xff\xffWEBPVP8 ")
        os.truncate(file, 1 << 40)
        rows = read_images(folder / "images", None, "rgb").train.inputs[0]
        with pytest.raises(DataError, match=r"cat/3\.webp: .*larger than 1024 MiB"):
            rows[np.array([3])]
        file.unlink()  # other tests read whatever is in the run's folder

    @pytest.mark.filterwarnings(
        "ignore:Truncated File Read", "ignore:Tag data larger", "ignore:Corrupt EXIF", "ignore:Image appears"
    )
    def test_damaged_images_give_an_error_of_the_data(self, folder: Path, cache: Cache, project: MakeProject) -> None:
        random, file = np.random.default_rng(2), picture(folder)
        for kind in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"):
            out = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (4, 6, 3), np.uint8)).save(out, kind)
            for _ in range(15):
                content = bytearray(out.getvalue())
                for place in random.integers(0, len(content), random.integers(1, 6)):
                    content[place] = random.integers(256)
                file.write_bytes(content[: len(content) - int(random.integers(0, 9))])
                try:
                    load_data(project("images"), cache, QUIET)
                except DataError as error:
                    assert error.exit_code == 3
