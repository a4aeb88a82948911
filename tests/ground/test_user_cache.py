"""Folders of programs and keys are their owner's alone, whatever the user's umask."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.ground.user_cache import user_cache
from edgepack.standins import sshd


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_cache_of_programs_is_made_for_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPACK_CACHE", str(tmp_path / "a" / "cache"))
    assert _mode(user_cache()) == 0o700
    shared = tmp_path / "shared"
    shared.mkdir(0o770)
    monkeypatch.setenv("EDGEPACK_CACHE", str(shared))
    assert _mode(user_cache()) == 0o770, "a folder that somebody made for several users stays as it is"


def test_a_cache_that_cannot_be_made_is_told_by_who_writes_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGEPACK_CACHE", str(tmp_path / "file" / "cache"))
    assert user_cache() == tmp_path / "file" / "cache"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen")
def test_the_keys_of_a_stand_in_are_their_owners(tmp_path: Path) -> None:
    folder = tmp_path / "stand-in"
    sshd.prepare(folder, "alias")
    assert _mode(folder) == 0o700
    assert [_mode(folder / key) for key in ("host_key", "user_key")] == [0o600, 0o600]
