"""Cross-validating one option of a recipe: how far compression may go before the metric falls more than allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgepack.compress import Step, compress
from edgepack.convert import convert
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.files import write_atomic
from edgepack.ground.plain import plain
from edgepack.ground.progress import Progress
from edgepack.pipeline.build import load_inputs
from edgepack.pipeline.evaluation import evaluate
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.report.crossval import Candidate, CrossValidation
from edgepack.sources import Dataset, SourceModel
from edgepack.sources.data.folds import fold_data


def run_crossval(
    request: Request, option: str, values: Sequence[str], folds: int, max_drop: float, seed: int, progress: Progress
) -> tuple[CrossValidation, Path]:
    """Train and measure every candidate on every fold; also written to crossval.json, whose path is returned.

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
    plans = [prepare(replace(request, overrides=(*request.overrides, f"recipe.{option}={value}"))) for value in values]
    source, data = load_inputs(plans[0], progress)
    if source.kind == "tflite" or data is None:
        raise RecipeError("EP-430", f"{request.project}: a .tflite has no recipe to cross-validate", "give the Keras project")
    results: list[list[tuple[float, float, float, float]]] = [[] for _ in values]
    baselines: list[float] = []
    for number in range(folds):
        fold = fold_data(data, folds, number, seed, plans[0].cache, progress)
        for value, plan, rows in zip(values, plans, results, strict=True):
            progress.note(f"fold {number + 1} of {folds}, {option} = {value}")
            baseline, *figures = _one(plan, plan.recipe, source, fold, progress)
            rows.append((baseline, figures[0], figures[1], figures[2]))
        baselines.append(results[0][-1][0])
    candidates = tuple(_candidate(value, plan, rows) for value, plan, rows in zip(values, plans, results, strict=True))
    within = [item.value for item in candidates if item.mean + item.error <= max_drop]
    result = CrossValidation(
        option=option,
        folds=folds,
        seed=seed,
        metric_name=plans[0].metric.name,
        max_drop=max_drop,
        baselines=tuple(baselines),
        candidates=candidates,
        chosen=within[-1] if within else None,
        pretrained=source.trained,
    )
    file = plans[0].out / "crossval.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps(plain(result), indent=1))
    return result, file


def _one(
    plan: Plan, recipe: tuple[Step, ...], source: SourceModel, fold: Dataset, progress: Progress
) -> tuple[float, float, float, float]:
    """A candidate on a fold: the float model's metric, the .tflite's, its share of zeros and its size in bytes."""
    compressed = compress(source, fold, recipe, plan.metric, plan.cache, progress)
    converted = convert(compressed, fold, plan.cache, progress)
    evaluation = evaluate(converted.file, fold, plan.metric, plan.cache, progress)
    sparsity = converted.zeros / converted.weights if converted.weights else 0.0
    return compressed.baseline_metric, evaluation.metric, sparsity, float(converted.file.stat().st_size)


def _candidate(value: str, plan: Plan, rows: Sequence[tuple[float, float, float, float]]) -> Candidate:
    drops = [plan.metric.drop(baseline, metric) for baseline, metric, _, _ in rows]
    spread = float(np.std(drops, ddof=1))
    return Candidate(
        value=value,
        metrics=tuple(row[1] for row in rows),
        drops=tuple(drops),
        mean=float(np.mean(drops)),
        spread=spread,
        error=spread / math.sqrt(len(drops)),
        sparsity=float(np.mean([row[2] for row in rows])),
        bytes=float(np.mean([row[3] for row in rows])),
    )
