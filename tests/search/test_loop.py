"""A search finds what a formula says is best, trains the better ones longer, and gives back what it did not end."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.search.loop import best_of, expected_seconds
from edgepack.search.storage import journal_of
from edgepack.search.study import Study
from edgepack.search.trial import TrialError, TrialResult
from tests.search.fakes import MOVES, RUNGS, Playing, loop_of, played, sparse, study_in, target_with


def test_the_best_of_the_whole_space_is_found(tmp_path: Path) -> None:
    study, target = study_in(tmp_path), target_with(flash=7_000, accuracy_drop=0.5)
    study.offer(sparse(0.0, 0.0), 1, "front")
    loop_of(study, target, trials=80).run(Playing(lambda claim: played(claim.choice, claim.epochs)))
    best = best_of(study.entries())
    # Flash of 7,000 needs zeros of 0.75 in all; they cost least in the first layer, and half with more training.
    expected = min(
        (played(sparse(first, second), 9).drop, first, second)
        for first, second in itertools.product(MOVES.sparsities, MOVES.sparsities)
        if 10_000 - 4_000 * (first + second) <= 7_000
    )
    assert best is not None and best.values[0] == pytest.approx(expected[0])
    assert best.choice.design.treatments["first"].sparsity == expected[1] and best.epochs > 1
    assert not any(best.misses.values())


def test_the_better_third_is_trained_longer(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    for first, second in itertools.product((0.0, 0.25, 0.75), (0.0, 0.25, 0.75)):
        study.offer(sparse(first, second), 1, "front")
    loop_of(study, target_with(accuracy_drop=0.5), trials=13).run(Playing(lambda claim: played(claim.choice, claim.epochs)))
    trained = {
        epochs: [entry for entry in study.entries() if entry.epochs == epochs and entry.state == "done"] for epochs in RUNGS
    }
    assert len(trained[1]) == 9 and len(trained[3]) == 3 and len(trained[9]) == 1
    worst_promoted = max(entry.values[0] for entry in trained[1] if entry.choice in [other.choice for other in trained[3]])
    assert sum(entry.values[0] < worst_promoted for entry in trained[1]) <= 2


def test_the_front_is_trained_as_the_best_of_the_first_trials(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    for rate in (0.001, 0.003):
        study.offer(sparse(0.25, 0.0, rate), 1, "front")

    def play(claim):
        found = played(claim.choice, claim.epochs)
        return replace(found, drop=found.drop + (0.0 if claim.choice.learning_rate == 0.003 else 0.3))

    loop = loop_of(study, target_with(accuracy_drop=0.5), trials=4)
    loop._front = [sparse(0.0, 0.0), sparse(0.25, 0.0), sparse(0.5, 0.0)]
    loop.run(Playing(play))
    found = [entry for entry in study.entries() if entry.born == "front"]
    assert [(entry.choice.design.treatments["first"].sparsity, entry.choice.learning_rate) for entry in found] == [
        (0.25, 0.001),
        (0.25, 0.003),
        (0.0, 0.003),
        (0.5, 0.003),
    ]


def test_what_meets_more_of_the_budgets_comes_first(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    for first in (0.0, 0.75):
        study.offer(sparse(first, 0.0), 1, "front")
    loop_of(study, target_with(flash=6_000), trials=2).run(Playing(lambda claim: played(claim.choice, claim.epochs)))
    best = best_of(study.entries())
    assert best.choice.design.treatments["first"].sparsity == 0.75  # 7,000 bytes miss less than 10,000, whatever they lose
    assert best.misses == {"flash": pytest.approx(1_000 / 6_000)}


def test_a_recipe_without_a_model_is_no_reason_to_stop(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    for choice in (sparse(0.25, 0.0), sparse(0.0, 0.0)):
        study.offer(choice, 1, "front")

    def play(claim):
        return played(claim.choice, 1) if claim.number else TrialResult(error=TrialError("EP-412", "no layer is left"))

    loop_of(study, target_with(), trials=2).run(Playing(play))
    first, second = study.entries()[:2]
    assert first.state == "failed" and first.result.error.code == "EP-412" and second.state == "done"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_an_interrupted_trial_waits_for_the_next_process(tmp_path: Path, stop: type[BaseException]) -> None:
    study = study_in(tmp_path)
    study.offer(sparse(0.0, 0.0), 1, "front")

    def play(claim):
        raise stop

    with pytest.raises(stop):
        loop_of(study, target_with(), trials=1).run(Playing(play))
    again = study_in(tmp_path)
    assert [entry.state for entry in again.entries()] == ["dropped", "waiting"]
    loop_of(again, target_with(), trials=1).run(Playing(lambda claim: played(claim.choice, claim.epochs)))
    assert [entry.state for entry in again.entries()] == ["dropped", "done"]


def test_a_trial_that_did_not_end_in_time_is_not_counted(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    study.offer(sparse(0.0, 0.0), 1, "front")
    end = time.time() + 0.2

    def play(claim):
        time.sleep(max(0.0, end - time.time()))
        return TrialResult(unfinished=True)

    loop_of(study, target_with(), seconds=0.2).run(Playing(play))
    assert [entry.state for entry in study.entries()] == ["dropped", "waiting"]


def test_no_trial_is_begun_that_would_not_end_in_time(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    for first in (0.0, 0.25):
        study.offer(sparse(first, 0.0), 1, "front")

    def play(claim):
        return TrialResult(0.9, 0.9, 0.0, played(claim.choice, 1).figures, "", "", 1_000.0)

    started = time.monotonic()
    loop_of(study, target_with(), seconds=30).run(Playing(play))
    assert [entry.state for entry in study.entries()] == ["done", "waiting"] and time.monotonic() - started < 5
    assert expected_seconds(study.entries(), 9) == 9_000 and expected_seconds((), 1) is None


def test_a_space_that_is_used_up_ends_the_search(tmp_path: Path) -> None:
    whole = study_in(tmp_path)
    small = replace(MOVES, layers={"first": frozenset({"sparsity"})}, clusters=(0,), weights=("int8",), options={})
    study = Study(whole._study, small, 0)
    study.offer(sparse(0.0, 0.0), 1, "front")
    loop_of(study, target_with(), seconds=60).run(Playing(lambda claim: played(claim.choice, claim.epochs)))
    tried = [
        (entry.choice.design.treatments["first"].sparsity, entry.epochs) for entry in study.entries() if entry.state == "done"
    ]
    assert len(tried) == len(set(tried)) and {sparsity for sparsity, _ in tried} <= set(small.sparsities)


def test_optuna_itself_reads_the_study_with_its_constraints(tmp_path: Path) -> None:
    import optuna

    study = study_in(tmp_path)
    for first in (0.0, 0.75):
        study.offer(sparse(first, 0.0), 1, "front")
    loop_of(study, target_with(flash=8_000), trials=2).run(Playing(lambda claim: played(claim.choice, claim.epochs)))
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(journal_of(tmp_path))))
    read = optuna.load_study(study_name="edgepack-fake-1", storage=storage)
    assert [trial.constraints["flash"] > 0 for trial in read.trials] == [True, False]
    assert read.best_trial.params["first.sparsity"] == 3 and read.best_trial.user_attrs["born"] == "front"


def test_time_is_kept_for_the_winner(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    study.offer(sparse(0.0, 0.0), 9, "front")

    def play(claim):
        return replace(played(claim.choice, 9), seconds=10.0, float_seconds=25.0)

    loop = loop_of(study, target_with(), seconds=40)
    loop._limits = replace(loop._limits, kept=38.0)
    loop.run(Playing(play))  # 40 seconds less 10 and 25 are too few for another one
    assert [entry.state for entry in study.entries() if entry.state != "dropped"] == ["done"]
