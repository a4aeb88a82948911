"""A model tried on many targets at once, and the smallest that it fits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.compile import compile_for
from edgepack.flatbuffer import Model, read_model
from edgepack.ground.errors import CompileError, DeviceError, EdgepackError, ModelError
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.judge import Verdict, exit_code, judge
from edgepack.kinds import kind_of
from edgepack.measure.mcu.measurements import tflm_measurements
from edgepack.measure.types import Measurement
from edgepack.pack.deliveries.tflm.fit import fit_tflm
from edgepack.pack.golden import Golden, choose_golden_inputs, read_golden, write_golden
from edgepack.pipeline.deployed import model_of
from edgepack.pipeline.fit.changes import Stages, needs_of, tried_changes
from edgepack.pipeline.fit.chosen import ALL, chosen_targets, rank
from edgepack.pipeline.fit.core import on_core, ram_peak, time_peak
from edgepack.pipeline.fit.machine import engine_of, machine_measurements
from edgepack.project import Target, c_identifier, derive_name, find_project_file, is_model
from edgepack.report.fit import FIT_SCHEMA, Change, Fit, Refusal, TargetFit, status_of_all
from edgepack.workers.process import INTERRUPTED

_UNASKED = {
    "accuracy": "fit has no data; edgepack deploy measures it",
    "accuracy_drop": "fit has no data; edgepack deploy measures it",
}


@dataclass(frozen=True)
class _Subject:
    """The model, its file, its name in C, and its golden vectors, or why it has none."""

    model: Model
    file: Path
    name: str
    golden: Golden | EdgepackError

    def vectors(self) -> Golden:
        """The golden vectors; raises why there are none."""
        if isinstance(self.golden, EdgepackError):
            raise self.golden
        return self.golden


def run_fit(path: Path, targets: Sequence[str | Target], overrides: tuple[str, ...], progress: Progress) -> Fit:
    """Which of the targets a .tflite fits, or the model that a project or a Keras file was last deployed as.

    Raises:
        ProjectError: EP-166, EP-167 no model; EP-107, EP-108, EP-165, EP-185 what is wrong with targets and settings.
        ModelError: the file is no .tflite.
        ToolError: EP-680, EP-690 there is no reference that says what the model computes.
    """
    in_project = not is_model(path) and (path.is_dir() or path.suffix == ".toml")
    folder = find_project_file(path).parent if in_project else None
    wanted = chosen_targets(targets, folder, overrides)
    file = model_of(path)
    model = read_model(file)
    name = c_identifier(derive_name(path.stem if is_model(path) else file.stem))
    with scratch_folder("edgepack-fit-") as work:
        with progress.stage("Reference outputs", file.name):
            subject = _Subject(model, file, name, _golden(model, file, Path(work) / "golden"))
        rows = _rows(subject, wanted, progress, "Fitting", f"{file.name} to {_count(len(wanted))}")
        left = () if any(_small(row) for row in rows) else _others(wanted, folder, overrides)
        others = _search(subject, left, progress)
    tried = {target.name: target for target in (*wanted, *left)}
    passing = [row.target for row in (*rows, *others) if _small(row)]
    return Fit(
        schema_version=FIT_SCHEMA,
        model=str(file),
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        rows=tuple(rows),
        others=tuple(others),
        smallest=min(passing, key=lambda each: rank(tried[each]), default=None),
        exit_code=max((_exit_code(row) for row in rows), default=0),
    )


def _count(targets: int) -> str:
    return f"{targets} target{'s' if targets != 1 else ''}"


def _small(row: TargetFit) -> bool:
    """Whether it is a microcontroller that passes."""
    return row.kind == "mcu" and row.status == "PASS"


def _exit_code(row: TargetFit) -> int:
    """As a deployment's, and 1 for a refusal and for an estimate over its limit: that is what was asked."""
    return 1 if row.status == "FAIL" else exit_code(row.verdicts, real_hardware=False)


def _golden(model: Model, file: Path, folder: Path) -> Golden | EdgepackError:
    try:
        write_golden(folder, model, file, choose_golden_inputs(model))
        return read_golden(folder)
    except ModelError as error:
        return error


def _others(wanted: Sequence[Target], folder: Path | None, overrides: tuple[str, ...]) -> tuple[Target, ...]:
    """The microcontrollers that were not asked for, the smallest first."""
    known = {target.name for target in wanted}
    try:
        every = chosen_targets((ALL,), folder, overrides)
    except EdgepackError:  # a setting that only the targets asked for can have, or somebody's profile that is wrong
        return ()
    return tuple(target for target in every if target.name not in known and kind_of(target).holds == "firmware")


def _search(subject: _Subject, left: Sequence[Target], progress: Progress) -> list[TargetFit]:
    """As many of these targets at a time as there are processors, until one passes."""
    found: list[TargetFit] = []
    for start in range(0, len(left), _workers()):
        wave = left[start : start + _workers()]
        found += _rows(subject, wave, progress, "Looking for one that fits", ", ".join(each.name for each in wave), False)
        if any(_small(row) for row in found):
            break
    return found


def _workers() -> int:
    return max(1, os.cpu_count() or 1)


def _rows(
    subject: _Subject, targets: Sequence[Target], progress: Progress, stage: str, detail: str, advise: bool = True
) -> list[TargetFit]:
    """A row a target, in their order."""
    running: dict[str, str] = {}
    rows: dict[str, TargetFit] = {}
    with progress.stage(stage, detail) as task:

        def say(name: str, doing: str) -> None:
            running[name] = doing
            task.update(len(rows), len(targets), ", ".join(f"{each}: {what}" for each, what in list(running.items())))

        def one(target: Target) -> None:
            rows[target.name] = _row(subject, target, advise, lambda doing: say(target.name, doing))
            running.pop(target.name, None)

        _together(one, targets)
        passed = sum(row.status == "PASS" for row in rows.values())
        task.finish(f"{passed} of {len(targets)} PASS")
    return [rows[target.name] for target in targets]


def _together(work: Callable[[Target], None], targets: Sequence[Target]) -> None:
    """Do the work for each target, several at a time; the first error ends the programs that the others wait for."""
    events = {target.name: threading.Event() for target in targets}

    def one(target: Target) -> None:
        token = INTERRUPTED.set(events[target.name])
        try:
            work(target)
        finally:
            INTERRUPTED.reset(token)

    with ThreadPoolExecutor(max_workers=_workers(), thread_name_prefix="fit") as pool:
        waiting: set[Future[None]] = {pool.submit(one, target) for target in targets}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        except BaseException:
            for future in waiting:
                future.cancel()
            for event in events.values():
                event.set()
            raise


def _row(subject: _Subject, target: Target, advise: bool, say: Callable[[str], None]) -> TargetFit:
    kind = kind_of(target)
    try:
        if kind.holds == "firmware":
            return (_tflm if target.device.runtime == "tflm" else _mcu)(subject, target, advise, say)
        say("reading")
        engine = engine_of(subject.model, subject.name, target)
        subject.vectors()
        row = _judged_row(target, machine_measurements(subject.model), engine)
        return replace(row, needs=needs_of(target, None, row.verdicts))
    except (CompileError, ModelError, DeviceError) as error:
        refused = Refusal(error.code, str(error), error.hint)
        return TargetFit(target.name, target.title, kind.name, "FAIL", refused=refused)


def _judged(target: Target, measurements: Sequence[Measurement]) -> tuple[Verdict, ...]:
    return judge(target, measurements, real_hardware=False, unanswerable=_UNASKED)


def _judged_row(target: Target, measurements: tuple[Measurement, ...], engine: str, method: str = "") -> TargetFit:
    verdicts = _judged(target, measurements)
    return TargetFit(
        target=target.name,
        title=target.title,
        kind=kind_of(target).name,
        status=status_of_all(verdicts),
        verdicts=verdicts,
        measurements=measurements,
        engine=engine,
        method=method,
    )


def _tflm(subject: _Subject, target: Target, advise: bool, say: Callable[[str], None]) -> TargetFit:
    say("TensorFlow Lite Micro")
    fit = fit_tflm(subject.file, subject.vectors())
    if fit.differing:
        text = f"{fit.differing} of {fit.compared} golden vectors differ on TensorFlow Lite Micro"
        raise DeviceError("EP-560", text, "this pack must not ship; please report it with the model")
    return _judged_row(target, tflm_measurements(subject.file, fit), "TensorFlow Lite Micro", "its interpreter on this machine")


def _mcu(subject: _Subject, target: Target, advise: bool, say: Callable[[str], None]) -> TargetFit:
    say("compiling")
    code = compile_for(subject.model, subject.name, target.device)
    golden = subject.vectors()
    say("linking and running")
    found = on_core(code, golden, target)
    row = _judged_row(target, found.measurements, f"generated C, {target.device.cpu}", found.method)
    changes: tuple[Change, ...] = ()
    if advise and row.status == "FAIL":
        say("trying other settings")
        stages = Stages(
            compiled=lambda changed: compile_for(subject.model, subject.name, changed.device),
            built=lambda code, changed: on_core(code, golden, changed, per_layer=False),
            judged=lambda changed, built: _judged(changed, built.measurements),
        )
        changes = tried_changes(target, found, row.verdicts, stages)
    return replace(
        row,
        ram_peak=ram_peak(code),
        time_peak=time_peak(found),
        changes=changes,
        needs=needs_of(target, found, row.verdicts),
    )
