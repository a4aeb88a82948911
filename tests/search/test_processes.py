"""Several processes, and what remains of one that was killed, on a journal and on a database."""

from __future__ import annotations

import collections
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.search.fakes import study_in
from tests.standins.postgresql import own_postgresql

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    if request.param == "postgresql":
        with own_postgresql() as url:
            yield url
    else:
        yield f"sqlite:///{tmp_path}/study.db" if request.param == "sqlite" else None


def begin(folder: Path, log: Path, takes: float, trials: int, storage: str | None) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.search.fakes", folder, log, takes, trials, *([storage] if storage else [])]
    return subprocess.Popen([str(word) for word in words], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})


def lines(log: Path) -> list[tuple[str, str]]:
    return [tuple(line.split()) for line in log.read_text().splitlines()] if log.exists() else []


def wait_for(count: int, log: Path) -> None:
    end = time.monotonic() + 60
    while len(lines(log)) < count:
        assert time.monotonic() < end, "the process does nothing"
        time.sleep(0.02)


def test_a_killed_trial_is_tried_again_and_finished_ones_stand(tmp_path: Path, storage: str | None) -> None:
    log = tmp_path / "log"
    first = begin(tmp_path, log, 0.6, 6, storage)
    wait_for(5, log)  # two have ended, the third has begun
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = lines(log)
    killed = before[-1][1]
    done = {entry.key for entry in study_in(tmp_path, storage).entries() if entry.state == "done"}
    assert len(done) == 2 and killed not in done
    assert begin(tmp_path, log, 0.0, 3, storage).wait(60) == 0
    after = lines(log)[len(before) :]
    assert ("end", killed) in after and not done & {key for _, key in after}
    states = collections.Counter(entry.state for entry in study_in(tmp_path, storage).entries())
    assert states["done"] == 5 and states["dropped"] == 1 and not states["running"]


def test_two_processes_share_the_trials_and_none_is_run_twice(tmp_path: Path, storage: str | None) -> None:
    logs = [tmp_path / "one", tmp_path / "other"]
    both = [begin(tmp_path, log, 0.2, 8, storage) for log in logs]
    assert [process.wait(60) for process in both] == [0, 0]
    begun = [{key for word, key in lines(log) if word == "begin"} for log in logs]
    assert len(begun[0]) == len(begun[1]) == 8 and not begun[0] & begun[1]
    entries = study_in(tmp_path, storage).entries()
    done = [entry.key for entry in entries if entry.state in ("done", "failed")]
    assert len(done) == len(set(done)) == 16


def test_a_trial_of_another_machine_counts_as_dead_when_it_gives_no_sign(tmp_path: Path) -> None:
    from tests.search.fakes import sparse

    study = study_in(tmp_path)
    study.offer(sparse(0.0, 0.0), 1, "front")
    claim = study.claim()
    claim.trial.set_user_attr("owner", "elsewhere:1:2")
    assert study.revive() == 0
    claim.trial.set_user_attr("beat", time.time() - 600)
    assert study.revive() == 1 and study.revive() == 0
    assert [entry.state for entry in study.entries()] == ["dropped", "waiting"]
