"""The main job: build, pack, deploy, measure, judge, report."""

from __future__ import annotations

from dataclasses import replace

from edgepack.diagnosis import Explained
from edgepack.ground.progress import Progress
from edgepack.measure.benchmark_model import tool_file
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.connection import Connection
from edgepack.pipeline.explain import explain_layers
from edgepack.pipeline.fleet.fleet import deploy_fleet
from edgepack.pipeline.fleet.hosts import find_hosts
from edgepack.pipeline.judged import judge_result, measure_deployed
from edgepack.pipeline.microcontroller import on_microcontroller
from edgepack.pipeline.packing import pack
from edgepack.pipeline.request import Plan, Request, find_signer, prepare
from edgepack.pipeline.result import Result
from edgepack.releases.deploy import deploy
from edgepack.report import FleetReport, Report, write_reports


def run_deploy(request: Request, progress: Progress) -> Report | FleetReport:
    """Deploy a project, or a ready .tflite, to a target's device or devices, measure it there and judge it.

    Raises:
        EdgepackError: anything that kept the run from a verdict; a missed budget is no error but an exit code of 1.
    """
    plan = prepare(request, progress)
    plan = replace(plan, signer=find_signer(request, plan.target))  # keys are opened before the training
    tool_file(plan.target, progress)  # what cannot be had is told before the training
    hosts = find_hosts(plan.destination, progress)
    if hosts is not None:
        return deploy_fleet(plan, hosts, progress)
    if plan.destination.kind.holds == "firmware":
        return _firmware(plan, progress)
    return _release(plan, progress)


def _firmware(plan: Plan, progress: Progress) -> Report:
    plan.destination.check_address()
    built = build(plan, progress)
    explained = explain_layers(plan, built, progress)
    return _conclude(plan, built, on_microcontroller(plan, built, progress), explained)


def _release(plan: Plan, progress: Progress) -> Report:
    with Connection(plan.destination) as connection:
        connection.reach(progress)
        built = build(plan, progress)
        explained = explain_layers(plan, built, progress)
        packed = pack(plan, built, progress)
        device = connection.device()
        deployment = deploy(packed, device, plan.target, progress)
        result = measure_deployed(plan, built, packed, deployment, device, progress)
    return _conclude(plan, built, result, explained)


def _conclude(plan: Plan, built: Built, result: Result, explained: Explained | None) -> Report:
    report = judge_result(plan, built, result, explained)
    write_reports(report, plan.out)
    return report
