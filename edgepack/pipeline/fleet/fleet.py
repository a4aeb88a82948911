"""One pack onto many devices: in parallel, canaries first, and back again when it turns out bad."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edgepack.diagnosis import Explained
from edgepack.engines.errors import ReleaseFault
from edgepack.ground.errors import EdgepackError
from edgepack.ground.progress import Progress
from edgepack.pack import Pack
from edgepack.pipeline.build import build
from edgepack.pipeline.explain import explain_layers
from edgepack.pipeline.fleet.progress import FleetProgress
from edgepack.pipeline.fleet.rolling import Crew, Stopped, waves
from edgepack.pipeline.judged import judge_result, measure_deployed
from edgepack.pipeline.packing import pack
from edgepack.project.inventory.inventory import Host
from edgepack.releases.deploy import deploy
from edgepack.releases.types import Deployment
from edgepack.releases.uninstall import withdraw
from edgepack.report import FleetDevice, FleetReport, Report, with_report, worst, write_fleet_reports

if TYPE_CHECKING:
    from edgepack.pipeline.build import Built
    from edgepack.pipeline.request import Plan


@dataclass(frozen=True)
class _Tried:
    """What became of one device: its row, its own report, what was deployed, for taking it back, and whether it failed there."""

    row: FleetDevice
    report: Report | None = None
    deployment: Deployment | None = None
    fault: bool = False

    @property
    def bad(self) -> bool:
        """Whether the release is to blame: wrong outputs, a runner that fails, a budget that was missed."""
        missed = self.row.exit_code != 0 and any(verdict.status == "FAIL" for verdict in self.row.verdicts)
        return self.fault or (self.row.state == "deployed" and missed)


def deploy_fleet(plan: Plan, hosts: tuple[Host, ...], progress: Progress) -> FleetReport:
    """Build once, then deploy to, measure and judge every device; a device's trouble is a row of the report.

    Raises:
        EdgepackError: what keeps the pack from being made.
        KeyboardInterrupt: the user stopped; reports were written, each device has the old or the new release.
    """
    _reach(plan, hosts, progress)
    built = build(plan, progress)
    explained = explain_layers(plan, built, progress)
    packed = pack(plan, built, progress)
    start = time.monotonic()
    with FleetProgress(progress, len(hosts)) as shown:
        crew: Crew[_Tried] = Crew(lambda host: _one(plan, built, explained, packed, host, shown), plan.request.workers)
        stopped_by = ""
        try:
            stopped_by = _roll(plan, hosts, crew)
        except KeyboardInterrupt:
            _write(plan, packed, hosts, crew.results, "stopped by the user", start)
            raise
    results = dict(crew.results)
    if stopped_by and plan.request.on_failure == "rollback":
        results = _take_back(plan, hosts, results, stopped_by, progress)
    return _write(plan, packed, hosts, results, stopped_by, start)


def _reach(plan: Plan, hosts: tuple[Host, ...], progress: Progress) -> None:
    """Fail now rather than after the training when no device answers; some may be off and come back."""

    def ask(host: Host) -> EdgepackError | None:
        try:
            with plan.destination.open(host.address) as device:
                device.facts()
        except EdgepackError as error:
            return error
        return None

    with progress.stage("Reaching the devices", f"{len(hosts)} of target {plan.target.name}") as task:
        crew: Crew[EdgepackError | None] = Crew(ask, plan.request.workers)
        crew.run(hosts, lambda error: False)
        errors = {name: error for name, error in crew.results.items() if isinstance(error, EdgepackError)}
        task.finish(f"{len(hosts) - len(errors)} answer")
    if len(errors) == len(hosts):
        raise next(iter(errors.values()))
    for name, error in errors.items():
        progress.warn(f"{name}: {error}")


def _roll(plan: Plan, hosts: tuple[Host, ...], crew: Crew[_Tried]) -> str:
    """Wave after wave; why it ended early, "" when it did not."""
    request = plan.request
    careful = request.on_failure != "continue"
    for number, wave in enumerate(waves(hosts, request.canary, request.batch)):
        canaries = number == 0 and request.canary > 0
        fine = crew.run(wave, lambda tried: tried.bad and careful)
        tried = [result for host in wave if isinstance(result := crew.results.get(host.name), _Tried)]
        if not fine:
            return next(f"{one.row.name}: {one.row.why}" for one in tried if one.bad)
        failed = [one for one in tried if one.row.state != "deployed"]
        if canaries and failed and careful:
            return f"canary {failed[0].row.name}: {failed[0].row.why}"
    return ""


def _one(plan: Plan, built: Built, explained: Explained | None, packed: Pack, host: Host, shown: FleetProgress) -> _Tried:
    start = time.monotonic()
    deployment: Deployment | None = None
    row = FleetDevice(host.name, host.address, "failed")
    tried: _Tried
    with shown.device(host.name) as progress:
        try:
            with plan.destination.open(host.address) as device:
                deployment = deploy(packed, device, plan.target, progress)
                result = measure_deployed(plan, built, packed, deployment, device, progress)
            report = judge_result(plan, built, result, explained)
            row = replace(with_report(row, report), state="deployed", exit_code=report.exit_code, why=_judged(report))
            tried = _Tried(replace(row, current=packed.id), report, deployment)
        except EdgepackError as error:
            row = replace(row, why=str(error), code=error.code, hint=error.hint, exit_code=error.exit_code)
            if deployment is not None:
                row = replace(row, state="deployed", current=packed.id, deployment=deployment)
            tried = _Tried(row, None, deployment, isinstance(error, ReleaseFault))
    tried = replace(tried, row=replace(tried.row, seconds=time.monotonic() - start))
    shown.finished(host.name, f"{tried.row.state}: {tried.row.why}", tried.row.exit_code == 0)
    return tried


def _judged(report: Report) -> str:
    from edgepack.report.words import headline

    missed = [f"{verdict.budget}: {verdict.why}" for verdict in report.verdicts if verdict.status == "FAIL"]
    return "; ".join([headline(report), *missed])


def _take_back(
    plan: Plan, hosts: tuple[Host, ...], results: dict[str, _Tried | Stopped], why: str, progress: Progress
) -> dict[str, _Tried | Stopped]:
    """Undo the deployment wherever it was made."""
    switched = [host for host in hosts if isinstance(one := results.get(host.name), _Tried) and one.deployment is not None]

    def undo(host: Host) -> _Tried:
        one = results[host.name]
        assert isinstance(one, _Tried) and one.deployment is not None
        try:
            with shown.device(host.name) as own, plan.destination.open(host.address) as device:
                current = withdraw(one.deployment, device, plan.target, own)
        except EdgepackError as error:
            row = replace(one.row, why=f"could not be rolled back: {error}", code=error.code, hint=error.hint)
            row = replace(row, exit_code=max(one.row.exit_code, error.exit_code))
            shown.finished(host.name, row.why, False)
            return replace(one, row=row)
        if current == one.deployment.release:
            shown.finished(host.name, f"{current} was there before and stays", True)
            return one
        text = f"release {current} is current again" if current else "nothing is deployed again, as before"
        shown.finished(host.name, text, True)
        own_fault = f"; {one.row.why}" if one.row.exit_code else ""
        return replace(one, row=replace(one.row, state="rolled back", current=current or "", why=text + own_fault))

    progress.warn(f"rolling back {len(switched)} device{'' if len(switched) == 1 else 's'}: {why}")
    with FleetProgress(progress, len(switched)) as shown:
        crew: Crew[_Tried] = Crew(undo, plan.request.workers)
        crew.run(switched, lambda tried: False)
    return {**results, **crew.results}


def _write(
    plan: Plan, packed: Pack, hosts: tuple[Host, ...], results: dict[str, _Tried | Stopped], stopped_by: str, start: float
) -> FleetReport:
    rows, reports = [], {}
    for host in hosts:
        found = results.get(host.name)
        if isinstance(found, _Tried):
            rows.append(found.row)
            if found.report is not None:
                reports[host.name] = found.report
        elif found is not None:
            rows.append(FleetDevice(host.name, host.address, "stopped", why="interrupted; the old or the new release is current"))
        else:
            rows.append(FleetDevice(host.name, host.address, "not tried", why=stopped_by))
    report = FleetReport(
        name=plan.project.name,
        target=plan.target,
        release=packed.id,
        devices=tuple(rows),
        exit_code=worst(rows),
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seconds=time.monotonic() - start,
        stopped_by=stopped_by,
        model_path=packed.model,
        folder=plan.out,
    )
    write_fleet_reports(report, reports, plan.out)
    return report
