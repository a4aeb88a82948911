"""What a search is asked for, beside the project and its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgepack.ground.errors import ProjectError
from edgepack.ground.files import hash_of
from edgepack.ground.plain import plain
from edgepack.pipeline.request import Request
from edgepack.project.names import check_name
from edgepack.project.units import parse_duration
from edgepack.search.trial import Bench

DEFAULT_SECONDS = 3600.0


@dataclass(frozen=True)
class Wish:
    """A search as it is asked for.

    `minimise` are objectives, the most important first; none: the accuracy drop. `seconds` and `trials` bound this process's
    part. `workers` is how many trials run at a time, None for 1, or on a `cluster` (the address of a Ray cluster) for as many
    as it has room for. `storage` is where the study is kept, None for the project's journal. `folds`: how many the winner is
    cross-validated on, 0 for not at all. `name` is that of the recipe's file, None for the target's.
    """

    minimise: tuple[str, ...] = ()
    seconds: float = DEFAULT_SECONDS
    trials: int | None = None
    workers: int | None = None
    cluster: str | None = None
    storage: str | None = None
    folds: int = 0
    name: str | None = None
    seed: int = 0


def seconds_of(text: str) -> float:
    """The time of `--time`, in seconds.

    Raises:
        ProjectError: EP-182 for anything but a time.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ProjectError("EP-182", f"--time {text}: {error}", "write it like 90s, 20m, 1h or 1h30m") from error


def check_wish(wish: Wish, request: Request) -> None:
    """Refuse numbers and names that cannot be, and several processes for what is in the memory of this one.

    Raises:
        ProjectError: EP-182.
    """
    if wish.folds == 1:
        raise ProjectError("EP-182", "--folds 1: one fold holds everything out", "give 2 or more, or leave it out")
    given = request.given
    if (wish.workers or 1) > 1 and (given.keras_model is not None or given.data is not None):
        hint = "give a project folder, or files, or leave --workers at 1"
        raise ProjectError("EP-182", f"--workers {wish.workers}: model or data are objects of this process", hint)
    if wish.name is not None:
        try:
            check_name(wish.name)
        except ValueError as error:
            raise ProjectError("EP-182", f"--name {wish.name}: {error}", "use letters, digits, - and _") from error


def study_name(bench: Bench, objectives: Sequence[str], seed: int) -> str:
    """The same for the same question: project, model, data, target, what is minimised and what may be tried."""
    project, target = bench.plan.project, bench.target
    question = {
        "project": project.name,
        "model": bench.source.sha256,
        "data": bench.whole.sha256,
        "metric": bench.plan.metric.key(),
        "device": plain(target.device),
        "budget": plain(target.budget),
        "minimise": list(objectives),
        "search": plain(project.search),
        "recipe": [[step.name, dict(step.key())] for step in bench.plan.recipe],
        "seed": seed,
    }
    return f"{prefix_of(project.name)}{target.name}-{hash_of(question)[:10]}"


def prefix_of(project: str) -> str:
    """What the names of a project's studies begin with."""
    return f"edgepack-{project}-"
