"""Stages are computed once for the same inputs, and again when anything changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgepack.ground.cache import Cache, project_cache
from edgepack.ground.errors import EdgepackError


def _counter(calls: list[int], text: str = "result"):
    def compute(folder: Path) -> None:
        calls.append(1)
        (folder / "out.txt").write_text(text)

    return compute


def test_the_same_inputs_are_computed_once(tmp_path: Path) -> None:
    cache, calls = Cache(tmp_path / "cache"), []
    first = cache.stage("prune", {"sparsity": 0.5}, _counter(calls))
    again = Cache(tmp_path / "cache").stage("prune", {"sparsity": 0.5}, _counter(calls))
    other = cache.stage("prune", {"sparsity": 0.6}, _counter(calls))
    assert (first.hit, again.hit, other.hit) == (False, True, False)
    assert len(calls) == 2
    assert again.folder == first.folder
    assert (again.folder / "out.txt").read_text() == "result"


def test_an_interrupted_stage_leaves_nothing_and_is_computed_anew(tmp_path: Path) -> None:
    cache, calls = Cache(tmp_path / "cache"), []

    def interrupted(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.stage("train", {}, interrupted)
    assert cache.entries() == ()
    assert not list((tmp_path / "cache").iterdir())
    assert not cache.stage("train", {}, _counter(calls)).hit


def test_without_the_cache_a_stage_is_computed_once_a_run_and_its_result_replaced(tmp_path: Path) -> None:
    calls: list[int] = []
    Cache(tmp_path).stage("train", {}, _counter(calls, "old"))
    fresh = Cache(tmp_path, enabled=False)
    folder = fresh.stage("train", {}, _counter(calls, "new")).folder
    fresh.stage("train", {}, _counter(calls, "newer"))
    assert len(calls) == 2
    assert (folder / "out.txt").read_text() == "new"


def test_clearing_frees_what_it_says_and_keeps_what_is_young(tmp_path: Path) -> None:
    cache = project_cache(tmp_path)
    old = cache.stage("old", {}, _counter([])).folder
    cache.stage("young", {}, _counter([]))
    os.utime(old, (1, 1))
    size = next(entry.size for entry in cache.entries() if entry.stage == "old")
    assert cache.clear(older_than_days=1) == size
    assert [entry.stage for entry in cache.entries()] == ["young"]
    cache.clear()
    assert cache.entries() == ()


def test_an_unwritable_cache_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgepackError) as caught:
        Cache(tmp_path / "file" / "cache").stage("train", {}, _counter([]))
    assert caught.value.code == "EP-150"
    assert "cache clear" in caught.value.hint


def test_a_folder_for_the_cache_that_cannot_be_made_is_the_same_error(tmp_path: Path) -> None:
    (tmp_path / "project").write_text("")
    with pytest.raises(EdgepackError) as caught:
        project_cache(tmp_path / "project").stage("train", {}, _counter([]))
    assert caught.value.code == "EP-150"
