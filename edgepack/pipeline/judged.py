"""What a device's figures are worth: measured on one device, judged against the target's budgets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.compile import compile_model
from edgepack.compile.coding_table import CodingRow, coded_rows, why_uncoded
from edgepack.devices import Device
from edgepack.diagnosis import Explained
from edgepack.flatbuffer import read_model
from edgepack.ground.plain import plain, typed
from edgepack.ground.progress import Progress
from edgepack.judge import exit_code, judge
from edgepack.measure import measure
from edgepack.pack import Pack
from edgepack.pipeline.result import Result
from edgepack.releases.types import Deployment
from edgepack.report import ModelFacts, RecipeStep, Report
from edgepack.report.parts import layer_figures, model_totals
from edgepack.report.report import as_written
from edgepack.runners.native import ENGINE, program_code

if TYPE_CHECKING:
    from edgepack.pipeline.build import Built
    from edgepack.pipeline.request import Plan


def measure_deployed(
    plan: Plan, built: Built, packed: Pack, deployment: Deployment, device: Device, progress: Progress
) -> Result:
    """Everything measured of a release that is current on a device.

    Raises:
        DataError, DeviceError: as `measure` says.
    """
    measured = measure(
        deployment, device, packed, built.data, built.scoring, built.baseline, plan.target, progress, plan.request.per_layer
    )
    assert measured.facts is not None  # of a device that holds releases
    coding, uncoded = _codes(packed.model, deployment.engine, plan.target.device.coding)
    return Result(
        pack=packed,
        measurements=measured.measurements,
        real_hardware=not device.stand_in,
        device=measured.facts,
        deployment=deployment,
        latency_samples=measured.latency_samples,
        warnings=measured.warnings,
        layers=measured.layers,
        coding=coding,
        uncoded=uncoded,
    )


def _codes(model: Path, engine: str, coding: str) -> tuple[tuple[CodingRow, ...], str]:
    """Of engine c the weights in the program, or why none is in codes; of engines that read the .tflite neither."""
    if engine != ENGINE or coding == "off":
        return (), "" if engine != ENGINE else "coding is off, [device] coding switches it on"
    rows = coded_rows(program_code(model, coding))
    return rows, "" if rows else why_uncoded(compile_model(read_model(model), "network", coding=coding))


def judge_result(plan: Plan, built: Built, result: Result, explained: Explained | None) -> Report:
    """The report of one device, with a verdict for each budget; `explained` is where accuracy goes."""
    verdicts = judge(
        plan.target,
        result.measurements,
        result.real_hardware,
        higher_is_better=plan.metric.higher_is_better,
        unanswerable=_unanswerable(plan, built),
    )
    manifest = result.pack.manifest
    report = Report(
        name=plan.project.name,
        target=plan.target,
        verdicts=verdicts,
        measurements=result.measurements,
        exit_code=exit_code(verdicts, result.real_hardware, plan.request.require_hardware),
        real_hardware=result.real_hardware,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        model=_model_facts(plan, built, result.pack),
        steps=built.steps,
        layers=layer_figures(built.inspection, result.instructions, result.layers),
        layer_times=result.layers,
        coding=result.coding,
        uncoded=result.uncoded,
        totals=model_totals(built.inspection),
        data=None if built.data is None else built.data.summary,
        latency_samples=tuple(float(f"{sample:.6g}") for sample in result.latency_samples),
        device=result.device,
        deployment=result.deployment,
        proof=built.proof,
        preprocessing=manifest["preprocessing"],
        recipe=tuple(RecipeStep(step.name, plain(step.options)) for step in plan.recipe),
        versions=manifest["versions"],
        warnings=(*built.warnings, *result.warnings),
        notes=built.notes,
        explanation=explained,
        pack=result.pack.id,
        model_path=result.pack.model,
        folder=plan.out,
    )
    return as_written(report)


def _unanswerable(plan: Plan, built: Built) -> dict[str, str]:
    """Budgets that nobody can judge: a ready .tflite has lost nothing that could be told without the float model beside it."""
    if built.source is not None or plan.project.model.float_file is not None:
        return {}
    return {"accuracy_drop": "Not judged: there is no float model to compare with; name one with --float FILE."}


def _model_facts(plan: Plan, built: Built, pack: Pack) -> ModelFacts:
    return replace(
        typed(ModelFacts, pack.manifest["model"]),
        metric_name=plan.metric.name,
        higher_is_better=plan.metric.higher_is_better,
        baseline=built.baseline,
        metric=built.metric,
    )
