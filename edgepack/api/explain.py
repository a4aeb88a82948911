"""`edgepack.explain` and `edgepack.crossval`: where accuracy goes, and how far compression may go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.api.inputs import Steps, as_request
from edgepack.api.settings import File, Settings
from edgepack.ground.private import private_files
from edgepack.ground.progress import choose_progress
from edgepack.pipeline.crossval import run_crossval
from edgepack.pipeline.explain import run_explain
from edgepack.project import Project

if TYPE_CHECKING:
    from edgepack.diagnosis import Explanation
    from edgepack.report import CrossValidation


@private_files()
def explain(
    project: File | Project | None = None,
    *,
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
    float_model: File | None = None,
    examples: int = 64,
    sensitivity: bool = True,
    quiet: bool = False,
) -> Explanation:
    """Tell where a model's accuracy is lost: step by step, and layer by layer between the float model and the .tflite.

    Args:
        project, model, data, recipe, settings, weights, trust, out, name, folder, cache, verify_cache, quiet: As for
            `edgepack.deploy`.
        float_model: For a ready .tflite: the float .tflite or the Keras file that it was made from, to compare with.
        examples: Inputs compared layer by layer; sensitivity uses ten times as many.
        sensitivity: Also measure how few bits and weights each layer takes.

    Returns:
        The layers' errors, sensitivities and what to try next; also written to its `file`.

    Raises:
        ModelError: EP-287 for a .tflite without a float counterpart.
        DataError: EP-320 without data.
        EdgepackError: What else kept it from being explained.
    """
    request = as_request(
        project,
        model=model,
        data=data,
        recipe=recipe,
        target="host",
        settings=settings,
        weights=weights,
        trust=trust,
        out=out,
        name=name,
        folder=folder,
        use_cache=cache,
        verify_cache=verify_cache,
        float_file=None if float_model is None else Path(float_model),
    )
    return run_explain(request, choose_progress(quiet), examples=examples, scan=sensitivity)


@private_files()
def crossval(
    project: File | Project | None = None,
    *,
    vary: str,
    values: Sequence[Any],
    model: Any = None,
    data: Any = None,
    recipe: Steps | None = None,
    folds: int = 5,
    max_drop: float = 0.01,
    seed: int = 0,
    settings: Settings = (),
    weights: File | None = None,
    trust: bool = False,
    out: File | None = None,
    name: str | None = None,
    folder: File | None = None,
    cache: bool = True,
    verify_cache: bool = False,
    quiet: bool = False,
) -> CrossValidation:
    """Choose the value of a recipe's option by k-fold cross-validation, without looking at the test split.

    Args:
        project, model, data, recipe, settings, weights, trust, out, name, folder, cache, verify_cache, quiet: As for
            `edgepack.deploy`.
        vary: The option, as STEP.OPTION: "prune.sparsity".
        values: The candidates, mildest first.
        folds: Parts that the training data is cut into; each is held out once.
        max_drop: The mean drop of the metric against the float model that is allowed, absolute.
        seed: Of the cut.

    Returns:
        Every candidate with mean and spread of its drops, and the `chosen` one, None when none is within; also written to
        its `file`.

    Raises:
        ProjectError: EP-162 for too few values or folds.
        DataError: EP-321 for too few examples.
        EdgepackError: What else kept it from being done.
    """
    request = as_request(
        project,
        model=model,
        data=data,
        recipe=recipe,
        target="host",
        settings=settings,
        weights=weights,
        trust=trust,
        out=out,
        name=name,
        folder=folder,
        use_cache=cache,
        verify_cache=verify_cache,
    )
    return run_crossval(request, vary, [str(value) for value in values], folds, max_drop, seed, choose_progress(quiet))
