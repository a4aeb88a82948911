"""`edgepack.find_recipe`: the recipe for a target's budgets."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from edgepack.api.inputs import Steps, as_request
from edgepack.api.settings import File, Settings
from edgepack.ground.private import private_files
from edgepack.ground.progress import choose_progress
from edgepack.project import Project, Target
from edgepack.search.search import run_search
from edgepack.search.wish import DEFAULT_SECONDS, Wish, seconds_of

if TYPE_CHECKING:
    from edgepack.report import SearchReport


@private_files()
def find_recipe(
    project: File | Project | None = None,
    *,
    target: str | PathLike[str] | Target = "cortex-m4",
    minimise: Sequence[str] = (),
    time: str | float = DEFAULT_SECONDS,
    trials: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    storage: str | None = None,
    folds: int = 0,
    found: str | None = None,
    seed: int = 0,
    model: Any = None,
    data: Any = None,
    recipe: Steps | None = None,
    settings: Settings = (),
    weights: File | None = None,
    trust: bool = False,
    out: File | None = None,
    name: str | None = None,
    folder: File | None = None,
    cache: bool = True,
    verify_cache: bool = False,
    quiet: bool = False,
) -> SearchReport:
    """Search for the recipe that meets a target's budgets and loses least, as `edgepack search` does.

    Args:
        project, target, model, data, recipe, settings, weights, trust, out, name, folder, cache, verify_cache, quiet: As for
            `edgepack.deploy`. The recipe's `train` step is kept; the others say how long and with which options trials train.
        minimise: accuracy_drop, flash, ram, latency, instructions, macs, model_size, energy: the most important first. Nothing:
            the accuracy drop.
        time: How long: seconds, or "1h", "20m", "90s".
        trials: How many trials at most, None for as many as there is time for.
        workers: Trials at a time, each in a process of its own; more than one needs a project on disk. None: 1, or as many as
            the cluster has room for.
        cluster: The address of a Ray cluster that runs the trials, `ray://HOST:10001`.
        storage: Where the study is kept: an Optuna URL, or None for a journal in the project's folder.
        folds: Cross-validate the winner on so many folds; 0 does not.
        found: The name in recipes/found-NAME.toml, None for the target's.
        seed: Of every random choice.

    Returns:
        The winner, judged on the test split, with all other points; also written to its `file` and to search.html beside it.

    Raises:
        ProjectError: EP-181 to EP-183 for what cannot be asked for.
        ToolError: EP-693 without optuna, EP-694 without ray.
        DeviceError: EP-558 when the cluster cannot be used.
        RecipeError: EP-430 to EP-432 when there is nothing to search for, or nothing was found.
        EdgepackError: What else kept it from being done.
    """
    request = as_request(
        project,
        model=model,
        data=data,
        recipe=recipe,
        target=target,
        settings=settings,
        weights=weights,
        trust=trust,
        out=out,
        name=name,
        folder=folder,
        use_cache=cache,
        verify_cache=verify_cache,
    )
    wish = Wish(
        minimise=tuple(minimise),
        seconds=seconds_of(time) if isinstance(time, str) else float(time),
        trials=trials,
        workers=workers,
        cluster=cluster,
        storage=storage,
        folds=folds,
        name=found,
        seed=seed,
    )
    return run_search(request, wish, choose_progress(quiet))
