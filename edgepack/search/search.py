"""`edgepack search`: from a project and a target's budgets to a recipe that meets them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edgepack.ground.errors import RecipeError
from edgepack.ground.files import write_atomic
from edgepack.ground.progress import Progress, Task
from edgepack.pipeline.given import written_tables
from edgepack.pipeline.request import Request, prepare
from edgepack.report.search import SearchReport
from edgepack.search.cluster import check_cluster, cluster_crew
from edgepack.search.crew import Crew, crew_of
from edgepack.search.design import RecipeTables
from edgepack.search.found import judged, on_test_split, spread_of, write_recipe
from edgepack.search.interrupts import interruptible
from edgepack.search.loop import Limits, Loop, best_of
from edgepack.search.outcome import Outcome, report_of, write_search
from edgepack.search.rungs import rungs
from edgepack.search.standing import check_objectives
from edgepack.search.start import Start, begin
from edgepack.search.storage import import_optuna, journal_of, open_storage, open_study, without_password
from edgepack.search.study import Claim, Entry, Study
from edgepack.search.telling import best_words, trial_words
from edgepack.search.trial import Bench, TrialResult, open_bench
from edgepack.search.wish import Wish, check_wish, study_name


@dataclass(frozen=True)
class _Asked:
    """A search as it was asked for, and what was found out before the first trial."""

    wish: Wish
    objectives: tuple[str, ...]
    bench: Bench
    before: RecipeTables
    start: Start
    rungs: tuple[int, ...]
    study: Study
    began: float


@interruptible()
def run_search(request: Request, wish: Wish, progress: Progress) -> SearchReport:
    """Search until the time is over, then run the winner as `deploy` runs it; recipe, search.json and search.html are written.

    Ctrl-C ends the search and leaves the best model found, not yet run on the test split.

    Raises:
        ProjectError: EP-181 to EP-183 for what cannot be asked for; ToolError: EP-693 without optuna.
        RecipeError: EP-430 for a ready .tflite, EP-431 when nothing can be changed, EP-432 when no trial gave a model.
        EdgepackError: what else keeps it from being done.
    """
    check_wish(wish, request)
    import_optuna()
    plan = prepare(request, progress)
    objectives = check_objectives(wish.minimise, plan.target)
    if wish.cluster is not None:
        check_cluster(wish.cluster, wish.workers, plan)
    storage = open_storage(wish.storage, plan.project.folder)
    began = time.time()
    bench = open_bench(request, progress)
    before = written_tables([step for step in bench.plan.recipe if step.place == "first"])
    start = begin(bench, before, progress)
    ladder = rungs(start.epochs, start.epoch_seconds)
    name = study_name(bench, objectives, wish.seed)
    facts = {
        "project": plan.project.name,
        "target": plan.target.name,
        "objectives": list(objectives),
        "metric": bench.plan.metric.name,
        "rungs": list(ladder),
    }
    opened = open_study(storage, name, objectives, facts, wish.seed)
    ladder = tuple(opened.user_attrs.get("rungs", ladder))  # a slower machine that joins has the rungs of the one that began
    asked = _Asked(wish, objectives, bench, before, start, ladder, Study(opened, start.moves, wish.seed), began)
    stopped = _try(asked, progress)
    return _conclude(asked, stopped, progress)


def _try(asked: _Asked, progress: Progress) -> bool:
    """Run the trials; whether the user stopped it."""
    study, wish = asked.study, asked.wish
    for choice in asked.start.first():
        study.offer(choice, asked.rungs[0], "front")
    end = asked.began + wish.seconds
    detail = f"{asked.bench.target.name}, {len(study.entries())} trials so far"
    with progress.stage("Searching", detail) as task:
        shown = _Shown(task, progress, asked)
        loop = Loop(
            asked.bench,
            study,
            asked.before,
            asked.rungs,
            asked.objectives,
            Limits(end, wish.trials, kept=wish.seconds / 3),
            wish.seed,
            shown.ended,
            asked.start.choices,
        )
        try:
            with _crew(asked, shown.now) as crew:
                loop.run(crew)
        except KeyboardInterrupt:
            task.finish("stopped")
            return True
        task.finish(shown.summary())
    return False


def _crew(asked: _Asked, tell: Callable[[str], None]) -> AbstractContextManager[Crew]:
    """Who runs the trials: a cluster, or processes of this machine."""
    wish = asked.wish
    if wish.cluster is not None:
        return cluster_crew(wish.cluster, wish.workers, asked.bench, tell)
    return crew_of(wish.workers or 1, asked.bench, tell)


class _Shown:
    """What the user sees while trials run."""

    def __init__(self, task: Task, progress: Progress, asked: _Asked) -> None:
        self._task, self._progress, self._asked = task, progress, asked
        self._best = best_of(asked.study.entries())
        self._done = 0

    def now(self, text: str) -> None:
        """What is being done, behind the best so far and the time that is over."""
        wish = self._asked.wish
        best = best_words(self._best, self._asked.objectives)
        over = min(time.time() - self._asked.began, wish.seconds)
        self._task.update(over, wish.seconds, f"{self._done} trials done; best: {best}{f'; now: {text}' if text else ''}")

    def ended(self, best: Entry | None, claim: Claim, result: TrialResult) -> None:
        """A trial that has ended, in a line of its own."""
        is_best = best is not None and best.number == claim.number
        self._best, self._done = best, self._done + 1
        self._progress.note(f"trial {claim.number}{' (best so far)' if is_best else ''}: {trial_words(claim, result)}")
        self.now("")

    def summary(self) -> str:
        """The search's end in a few words."""
        return f"{self._done} trials; best: {best_words(self._best, self._asked.objectives)}"


def _conclude(asked: _Asked, stopped: bool, progress: Progress) -> SearchReport:
    """Write down what was found."""
    bench, wish = asked.bench, asked.wish
    entries = asked.study.entries()
    best = best_of(entries)
    if best is None:
        if stopped:
            raise KeyboardInterrupt
        raise _nothing(entries, wish)
    assert best.result is not None
    final, spread = None, None
    if not stopped:
        try:
            final = on_test_split(bench, best, asked.before, progress)
            if wish.folds:
                spread = spread_of(bench, best, asked.before, wish.folds, wish.seed, progress)
        except KeyboardInterrupt:
            stopped = True
    on = f"{len(bench.whole.test)} test examples" if final else f"{len(bench.data.test)} validation examples"
    verdicts = judged(bench, final or best.result, on)
    name = wish.name or bench.target.name
    recipe_file = bench.plan.project.folder / "recipes" / f"found-{name}.toml"
    heading = (
        f"Found by edgepack search for {bench.target.name}: trial {best.number} of study {asked.study.name}.",
        f"Judged on {on}. Run it: edgepack deploy PROJECT --target {bench.target.name} --set recipe=recipes/{recipe_file.name}",
    )
    write_recipe(recipe_file, best, asked.before, verdicts, heading)
    outcome = Outcome(
        study=asked.study.name,
        storage=without_password(wish.storage or str(journal_of(bench.plan.project.folder))),
        objectives=asked.objectives,
        rungs=asked.rungs,
        entries=entries,
        best=best,
        final=final,
        spread=spread,
        stopped=stopped,
        seconds=time.time() - asked.began,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        predicted=asked.start.predicted,
        says=asked.start.says,
    )
    model = _keep_model(Path((final or best.result).model), bench.plan.out / f"found-{name}.tflite")
    report = report_of(outcome, bench, asked.before, verdicts, recipe_file, model)
    return write_search(report, bench.plan.out)


def _keep_model(model: Path, where: Path) -> Path | None:
    """A copy of the model beside the results; None when another machine has it."""
    if not model.is_file():
        return None
    write_atomic(where, model.read_bytes())
    return where


def _nothing(entries: Sequence[Entry], wish: Wish) -> RecipeError:
    """Why there is no winner."""
    failed = [entry for entry in entries if entry.result is not None and entry.result.error is not None]
    if failed and failed[0].result is not None and failed[0].result.error is not None:
        error = failed[0].result.error
        what = f"none of {len(failed)} trials gave a model; the first: {error.code} {error.message}"
        return RecipeError("EP-432", what, "restrict [search] to what the model can take, or see that error")
    took = f"{wish.seconds:g} s" if wish.trials is None else f"{wish.seconds:g} s or {wish.trials} trials"
    return RecipeError("EP-432", f"no trial was finished within {took}", "give more --time; a run that was stopped goes on")
