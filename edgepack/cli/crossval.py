"""`edgepack crossval`: how far may compression go?"""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack.cli.options import DataPath, Json, NoCache, Out, Overrides, ProjectPath, Quiet, Trust, VerifyCache, Weights


def crossval(
    project: ProjectPath,
    vary: Annotated[
        str, typer.Option("--vary", help="A recipe option and its candidates, mildest first: prune.sparsity=0.5,0.7,0.9")
    ],
    folds: Annotated[int, typer.Option("--folds", min=2, help="Parts the training data is cut into; each is held out once.")] = 5,
    max_drop: Annotated[
        float, typer.Option("--max-drop", help="Allowed mean drop of the metric against the float model, absolute.")
    ] = 0.01,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the cut.")] = 0,
    overrides: Overrides = None,
    data: DataPath = None,
    weights: Weights = None,
    trust: Trust = False,
    out: Out = None,
    no_cache: NoCache = False,
    verify_cache: VerifyCache = False,
    json_output: Json = False,
    quiet: Quiet = False,
) -> None:
    """Choose a compression ratio by k-fold cross-validation of the recipe, without looking at the test split.

    Each candidate is trained on all folds but one, converted, and its .tflite measured on the fold held out: mean and spread of
    the drop against the float model, and the largest candidate within the allowed drop. Also written to crossval.json.
    Exit: 0 when a candidate is within, 1 when none is.
    """
    import edgepack
    from edgepack.cli.output import print_json, say
    from edgepack.ground.errors import ProjectError

    option, separator, values = vary.partition("=")
    if not separator or "." not in option:
        raise ProjectError(
            "EP-162", f"--vary {vary}: no option with values", "write STEP.OPTION=VALUE,VALUE: prune.sparsity=0.5,0.7"
        )
    result = edgepack.crossval(
        project,
        vary=option.strip(),
        values=[value.strip() for value in values.split(",") if value.strip()],
        folds=folds,
        max_drop=max_drop,
        seed=seed,
        settings=overrides or (),
        data=data,
        weights=weights,
        trust=trust,
        out=out,
        cache=not no_cache,
        verify_cache=verify_cache,
        quiet=quiet,
    )
    if json_output:
        print_json(result)
    else:
        from edgepack.report import print_crossval, standard_output

        print_crossval(result, standard_output())
        say(f"Written: {result.file}")
    raise typer.Exit(0 if result.chosen is not None else 1)
