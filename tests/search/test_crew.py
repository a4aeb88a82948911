"""Trials in processes of their own: how many run, what a dead process means, and that none is left over."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgepack.ground.errors import EdgepackError
from edgepack.pipeline.request import Request
from edgepack.search import crew as crews
from edgepack.search.trial import TrialTask
from tests.search.fakes import result

TASK = TrialTask(Request(project=Path("none")), [])


def claim(number: int) -> Any:
    return SimpleNamespace(number=number)


def test_as_many_run_as_there_are_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2)  # neither ends before the other has begun

    def run(task: TrialTask) -> Any:
        both.wait(20)
        return result()

    monkeypatch.setattr(crews, "run_trial", run)
    told: list[str] = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        crew = crews.Several(pool, 2, told.append)  # type: ignore[arg-type]
        assert crew.free == 2 and not crew.busy
        first, second = claim(1), claim(2)
        crew.start(first, TASK)
        crew.start(second, TASK)
        assert crew.free == 0 and crew.busy == (first, second)
        ended: list[Any] = []
        while len(ended) < 2:
            ended += crew.ended()
    assert {each.number for each, _ in ended} == {1, 2} and crew.free == 2 and told[0] == "trials 1, 2 are running"


def test_a_process_that_dies_is_an_error_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(task: TrialTask) -> Any:
        raise concurrent.futures.BrokenExecutor

    monkeypatch.setattr(crews, "run_trial", run)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        crew = crews.Several(pool, 1, lambda text: None)  # type: ignore[arg-type]
        crew.start(claim(1), TASK)
        with pytest.raises(EdgepackError, match="died") as error:
            while not crew.ended():
                pass
    assert error.value.code == "EP-197" and "--workers" in error.value.hint
    assert [each.number for each in crew.busy] == [1]  # for whoever gives it back


def test_an_error_ends_the_processes_at_once() -> None:
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), crews.crew_of(2, SimpleNamespace(), lambda text: None) as crew:  # type: ignore[arg-type]
        for _ in range(2):
            crew._pool.submit(time.sleep, 600)  # type: ignore[attr-defined]
        assert len(multiprocessing.active_children()) == 2
        raise KeyboardInterrupt
    assert not multiprocessing.active_children() and time.monotonic() - started < 60
