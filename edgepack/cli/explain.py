"""`edgepack explain`: which layer loses accuracy, and what to try next."""

from __future__ import annotations

from typing import Annotated

import typer

from edgepack.cli.options import (
    DataPath,
    FloatFile,
    Json,
    NoCache,
    Out,
    Overrides,
    ProjectPath,
    Quiet,
    Trust,
    VerifyCache,
    Weights,
)


def explain(
    project: ProjectPath,
    float_model: FloatFile = None,
    examples: Annotated[
        int, typer.Option("--examples", min=1, help="Inputs compared layer by layer; sensitivity uses ten times as many.")
    ] = 64,
    sensitivity: Annotated[
        bool,
        typer.Option("--sensitivity/--no-sensitivity", help="Also measure how few bits and weights each layer takes."),
    ] = True,
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
    """Tell where accuracy is lost: step by step, and layer by layer between the float model and the .tflite.

    For every Keras layer: the signal-to-quantization-noise ratio, what the layer adds to the noise, clipping and range use, on
    real inputs, worst first; how much pruning and how few bits each layer takes; the confusion matrix; and what to try next.
    Builds the project first if it was not. Also written to explain.json.
    """
    import edgepack
    from edgepack.cli.output import print_json, say

    explanation = edgepack.explain(
        project,
        settings=overrides or (),
        data=data,
        weights=weights,
        trust=trust,
        out=out,
        cache=not no_cache,
        verify_cache=verify_cache,
        float_model=float_model,
        examples=examples,
        sensitivity=sensitivity,
        quiet=quiet,
    )
    if json_output:
        print_json(explanation)
        return
    from edgepack.report import print_explanation, standard_output

    print_explanation(explanation, standard_output())
    say(f"Written: {explanation.file}")
