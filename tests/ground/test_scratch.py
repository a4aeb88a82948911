"""A full disk behind temporary files is one error, whoever meets it first."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.errors import DeviceError
from edgepack.ground.scratch import NoRoom, refuse_full, scratch_folder
from edgepack.workers.process import run_process
from edgepack.workers.worker import run_worker, save_arrays
from tests.small_disk import small_disk, small_files


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with small_disk(tmp_path / "tmp", left=32 << 10) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        yield disk


def test_whatever_fails_for_it_says_so(full: Path) -> None:
    for fail in (OSError("131072 requested and 4096 written"), DeviceError("EP-533", "it wrote much"), RuntimeError("died")):
        with pytest.raises(NoRoom) as caught, scratch_folder():
            raise fail
        assert caught.value.code == "EP-152" and str(full) in str(caught.value) and "TMPDIR" in caught.value.hint
    assert [file.name for file in full.iterdir()] == ["full"]


def test_arrays_and_programs_meet_it_too(full: Path, tmp_path: Path) -> None:
    with pytest.raises(NoRoom), scratch_folder() as folder:
        save_arrays(folder, [np.ones(200_000, np.int8)])
    with pytest.raises(NoRoom):
        run_process([sys.executable, "-c", "print('x' * 1000000)"], timeout=60)
    program = tmp_path / "program.py"
    program.write_text("def work(job):\n    return 'x' * 1000000\n")
    with pytest.raises(NoRoom):
        run_worker(program, {})


def test_a_failure_on_a_disk_with_room_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_full()
    with pytest.raises(RuntimeError, match="died"), scratch_folder():
        raise RuntimeError("died")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(NoRoom, match="No such file"), scratch_folder():
        raise AssertionError


@pytest.mark.parametrize("array", [np.zeros((0, 3), np.float16), np.arange(6).reshape(2, 3), np.array([[True]])])
def test_arrays_are_written_as_numpy_does(tmp_path: Path, array: np.ndarray) -> None:
    (file,) = save_arrays(tmp_path, [array])
    np.save(tmp_path / "numpy.npy", array)
    assert Path(file).read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_an_array_that_has_no_room_says_why(tmp_path: Path) -> None:
    with small_files(1000), pytest.raises(OSError) as caught:
        save_arrays(tmp_path, [np.ones(2000, np.int8)])
    assert caught.value.strerror == "File too large"
