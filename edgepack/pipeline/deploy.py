"""The main job: build, pack, deploy, measure, judge, report."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from edgepack.deploy.releases.deploy import deploy
from edgepack.devices import open_device
from edgepack.explain import Explained
from edgepack.ground.progress import Progress
from edgepack.measure.benchmark_model import tool_file
from edgepack.measure.mcu.attached import check_board_address
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.explain import explain_layers
from edgepack.pipeline.fleet.fleet import FleetOutcome, deploy_fleet
from edgepack.pipeline.fleet.hosts import find_hosts
from edgepack.pipeline.judged import judge_result, measure_deployed
from edgepack.pipeline.microcontroller import on_microcontroller
from edgepack.pipeline.packing import pack
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.pipeline.result import Result
from edgepack.project import device_address
from edgepack.report import Report, write_reports


@dataclass(frozen=True)
class Outcome:
    """A finished deployment: its report, the files of the report, and the exit code that says how it was judged."""

    report: Report
    folder: Path
    exit_code: int


def run_deploy(request: Request, progress: Progress) -> Outcome | FleetOutcome:
    """Deploy a project, or a ready .tflite, to a target's device or devices, measure it there and judge it.

    Raises:
        EdgepackError: anything that kept the run from a verdict; a missed budget is no error but an exit code of 1.
    """
    plan = prepare(request)
    tool_file(plan.target, progress)  # what cannot be had is told before the training
    hosts = find_hosts(plan, progress)
    if hosts is not None:
        return deploy_fleet(plan, hosts, progress)
    _reach(plan, progress)
    built = build(plan, progress)
    explained = explain_layers(plan, built, progress)
    result = _on_device(plan, built, progress) if plan.target.device.kind != "mcu" else on_microcontroller(plan, built, progress)
    return _conclude(plan, built, result, explained)


def _reach(plan: Plan, progress: Progress) -> None:
    """Fail now rather than after the training when the device does not answer."""
    address = device_address(plan.target, plan.request.device, os.environ)
    if plan.target.device.kind == "mcu":
        if address not in (None, "emulated"):
            check_board_address(address)
        return
    with progress.stage("Reaching the device", plan.target.name) as task, open_device(plan.target, address) as device:
        facts = device.facts()
        task.finish(f"{device.name}: {facts.model or facts.machine}" + (", a stand-in" if device.stand_in else ""))


def _on_device(plan: Plan, built: Built, progress: Progress) -> Result:
    packed = pack(plan, built, progress)
    address = device_address(plan.target, plan.request.device, os.environ)
    with open_device(plan.target, address) as device:
        deployment = deploy(packed, device, plan.target, progress)
        return measure_deployed(plan, built, packed, deployment, device, progress)


def _conclude(plan: Plan, built: Built, result: Result, explained: Explained | None) -> Outcome:
    report = judge_result(plan, built, result, explained)
    write_reports(report, plan.out)
    return Outcome(report, plan.out, report.exit_code)
