"""Cross-validating one option of a recipe: how far compression may go before the metric falls more than allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.files import write_atomic
from edgepack.ground.plain import plain
from edgepack.ground.progress import Progress
from edgepack.pipeline.build import load_inputs
from edgepack.pipeline.candidate import Candidate as Tried
from edgepack.pipeline.candidate import try_recipe
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.report.crossval import Candidate, CrossValidation
from edgepack.sources.data.folds import fold_data


def run_crossval(
    request: Request, option: str, values: Sequence[str], folds: int, max_drop: float, seed: int, progress: Progress
) -> CrossValidation:
    """Train and measure every candidate on every fold; also written to crossval.json.

    Args:
        option: A recipe option as in `--set` without "recipe.": "prune.sparsity".
        values: The candidates, mildest first.
        max_drop: The allowed mean drop of the metric, absolute.

    Raises:
        ProjectError: EP-162 for too few values or folds, and what the project's own checks say of each value.
        RecipeError: EP-430 for a ready .tflite.
        DataError: EP-321 when there are too few examples for the folds.
    """
    if folds < 2 or len(values) < 1 or len(set(values)) != len(values):
        what = f"{folds} folds" if folds < 2 else "no values, or one twice"
        raise ProjectError("EP-162", f"crossval: {what}", "give at least two folds, and each value once: 0.5,0.7,0.9")
    plans = [prepare(replace(request, overrides=(*request.overrides, f"recipe.{option}={value}")), progress) for value in values]
    source, data = load_inputs(plans[0], progress)
    if source.kind == "tflite" or data is None:
        given = request.project if isinstance(request.project, Path) else plans[0].project.name
        raise RecipeError("EP-430", f"{given}: a .tflite has no recipe to cross-validate", "give the Keras project")
    tried: list[list[Tried]] = [[] for _ in values]
    for number in range(folds):
        fold = fold_data(data, folds, number, seed, plans[0].cache, progress)
        for value, plan, folded in zip(values, plans, tried, strict=True):
            progress.note(f"fold {number + 1} of {folds}, {option} = {value}")
            folded.append(try_recipe(source, fold, plan.recipe, plan.metric, plan.cache, progress))
    candidates = tuple(_candidate(value, plan, folded) for value, plan, folded in zip(values, plans, tried, strict=True))
    within = [item.value for item in candidates if item.mean + item.error <= max_drop]
    result = CrossValidation(
        option=option,
        folds=folds,
        seed=seed,
        metric_name=plans[0].metric.name,
        max_drop=max_drop,
        baselines=tuple(one.baseline for one in tried[0]),
        candidates=candidates,
        chosen=within[-1] if within else None,
        pretrained=source.trained,
    )
    file = plans[0].out / "crossval.json"
    result = replace(result, file=file)
    write_atomic(file, json.dumps(plain(result), indent=1))
    return result


def _candidate(value: str, plan: Plan, tried: Sequence[Tried]) -> Candidate:
    drops = [plan.metric.drop(one.baseline, one.metric) for one in tried]
    spread = float(np.std(drops, ddof=1))
    return Candidate(
        value=value,
        metrics=tuple(one.metric for one in tried),
        drops=tuple(drops),
        mean=float(np.mean(drops)),
        spread=spread,
        error=spread / math.sqrt(len(drops)),
        sparsity=float(np.mean([one.sparsity for one in tried])),
        bytes=float(np.mean([one.size for one in tried])),
    )
