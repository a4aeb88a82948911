"""What a device's figures are worth: measured on one device, judged against the target's budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgepack.deploy.releases.types import Deployment
from edgepack.devices import Device
from edgepack.ground.progress import Progress
from edgepack.judge import exit_code, judge
from edgepack.measure import measure
from edgepack.pack import Pack
from edgepack.pipeline.result import Result
from edgepack.report import Report

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
        deployment, device, packed, built.data, plan.metric, built.baseline, plan.target, progress, plan.request.per_layer
    )
    return Result(
        pack=packed,
        measurements=measured.measurements,
        real_hardware=not device.stand_in,
        device=measured.facts,
        deployment=deployment,
        latency_samples=measured.latency_samples,
        warnings=measured.warnings,
        layers=measured.layers,
    )


def judge_result(plan: Plan, built: Built, result: Result, explained: dict[str, Any]) -> Report:
    """The report of one device, with a verdict for each budget; `explained` is where accuracy goes."""
    verdicts = judge(plan.target, result.measurements, result.real_hardware)
    code = exit_code(verdicts, result.real_hardware, plan.request.require_hardware)
    manifest = result.pack.manifest
    return Report.from_parts(
        name=plan.project.name,
        target=plan.target,
        verdicts=verdicts,
        measurements=result.measurements,
        exit_code=code,
        real_hardware=result.real_hardware,
        model={
            **manifest["model"],
            "metric_name": plan.metric.name,
            "higher_is_better": plan.metric.higher_is_better,
            "baseline": built.baseline,
            "metric": built.metric,
        },
        steps=built.steps,
        inspection=built.inspection,
        instructions=result.instructions,
        layer_times=result.layers,
        latency_samples=result.latency_samples,
        device=result.device,
        deployment=result.deployment,
        proof=built.proof,
        preprocessing=manifest["preprocessing"],
        recipe=plan.recipe,
        versions=manifest["versions"],
        warnings=result.warnings,
        notes=built.notes,
        explanation=explained,
        pack=result.pack.id,
    )
