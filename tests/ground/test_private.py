"""What is private is so under every umask, and what is made for the user has the modes that the umask asks for."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.files import atomic_folder, make_private, merged_folder, write_atomic
from edgepack.ground.private import private_files, users_umask, with_umask


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield int(request.param)
    os.umask(before)


@pytest.fixture(autouse=True)
def no_shared_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEPACK_CACHE", raising=False)


def _now() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


def _fill(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "text").write_text("x")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o700)


@pytest.mark.parametrize("inside", [False, True], ids=["by itself", "in a run"])
def test_results_follow_the_umask(umask: int, inside: bool, tmp_path: Path) -> None:
    def make() -> None:
        write_atomic(tmp_path / "new/deep/file", "x")
        with atomic_folder(tmp_path / "whole") as folder:
            _fill(folder)
        (tmp_path / "users").mkdir()
        (tmp_path / "users").chmod(0o750)
        with merged_folder(tmp_path / "users") as folder:
            _fill(folder)

    if inside:
        with private_files():
            make()
    else:
        make()
    folder, file = 0o777 & ~umask, 0o666 & ~umask
    assert _modes(tmp_path / "new") == {".": folder, "deep": folder, "deep/file": file}
    whole = {".": folder, "sub": folder, "sub/text": file, "tool": folder}
    assert _modes(tmp_path / "whole") == whole
    assert _modes(tmp_path / "users") == {**whole, ".": 0o750}, "the user's own folder stays as it is"


def test_what_is_private_is_its_owners(umask: int, tmp_path: Path) -> None:
    write_atomic(tmp_path / "a/b/key", "x", private=True)
    assert _modes(tmp_path / "a") == {".": 0o700, "b": 0o700, "b/key": 0o600}
    Cache(tmp_path / "p/.edgepack/cache").stage("s", {}, _fill)
    assert {mode & 0o077 for mode in _modes(tmp_path / "p").values()} == {0}
    (tmp_path / "open").mkdir(mode=0o777)
    make_private(tmp_path / "open")
    assert _modes(tmp_path / "open") == {".": 0o700}


def test_whatever_is_written_during_a_run_is_private_and_the_umask_comes_back(umask: int, tmp_path: Path) -> None:
    @private_files()
    def run() -> None:
        with private_files():
            pass
        (tmp_path / "by a library").write_text("x")
        os.system(f"mkdir '{tmp_path}/by a program'")
        with with_umask(users_umask()):
            (tmp_path / "by the user's code").write_text("x")

    run()
    modes = _modes(tmp_path)
    assert (modes["by a library"], modes["by a program"]) == (0o600, 0o700)
    assert modes["by the user's code"] == 0o666 & ~umask
    assert _now() == umask
    with pytest.raises(ZeroDivisionError), private_files():
        _ = 1 / 0
    assert _now() == umask


def test_runs_beside_each_other_end_in_the_users_umask(umask: int) -> None:
    """One begins before the other ends, in both orders."""
    first_in, second_in = threading.Event(), threading.Event()

    def first() -> None:
        with private_files():
            first_in.set()
            second_in.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    first_in.wait(10)
    with private_files():
        second_in.set()
        thread.join()
        assert (_now(), users_umask()) == (0o077, umask)
    assert _now() == umask


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775, 0o770, 0o2755])
def test_a_cache_that_is_merely_open_shares_nothing(mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)
    monkeypatch.setenv("EDGEPACK_CACHE", str(tmp_path / "open"))
    with private_files():
        write_atomic(tmp_path / "open/engines/row.json", "{}", private=True)
        (tmp_path / "open/objects").mkdir()
    modes = _modes(tmp_path / "open")
    assert (modes["objects"], modes["engines"], modes["engines/row.json"]) == (0o700, 0o700, 0o600)


def test_a_cache_made_for_a_group_stays_the_groups(umask: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o2770)
    monkeypatch.setenv("EDGEPACK_CACHE", str(tmp_path / "shared"))
    with private_files():
        (tmp_path / "shared/objects").mkdir()
        write_atomic(tmp_path / "shared/engines/row.json", "{}", private=True)
    modes = _modes(tmp_path / "shared")
    assert (modes["objects"], modes["engines"], modes["engines/row.json"]) == (0o770, 0o770, 0o660)
