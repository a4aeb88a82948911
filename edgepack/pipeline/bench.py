"""One model on one target, measured and not judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgepack.compile import compile_for
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ProjectError
from edgepack.ground.progress import Progress
from edgepack.ground.scratch import scratch_folder
from edgepack.kinds.mcu import EMULATED
from edgepack.measure import Measured, bench
from edgepack.measure.benchmark_model import tool_file
from edgepack.measure.compare import Comparison, compare
from edgepack.measure.mcu.measurements import measure_board, measure_mcu
from edgepack.measure.types import Measurement
from edgepack.pack import read_pack, write_pack
from edgepack.pipeline.deployed import last_pack
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.project import c_identifier


def run_bench(request: Request, progress: Progress) -> Measured:
    """Measure a .tflite, or the model a project deployed last, on a target's device or emulated core.

    Raises:
        ProjectError: EP-167 when the project was not deployed yet; what the rooms say.
    """
    plan = prepare(request, progress)
    model = _model(plan)
    if plan.destination.kind.holds == "firmware":
        return _bench_mcu(model, plan, progress)
    tool_file(plan.target, progress)  # what cannot be had is told before a device is reached
    with plan.destination.open() as device:
        return bench(model, device, plan.target, progress, request.per_layer)


def run_compare(
    requests: tuple[Request, Request], engines: tuple[str, str] | None, progress: Progress, seconds: float
) -> Comparison:
    """Measure two models, or one with two engines, in turns on one device.

    Raises:
        ProjectError: EP-180 when the target is a microcontroller; as `run_bench` otherwise.
    """
    plans = [prepare(request, progress) for request in requests]
    if engines is not None:  # checked as any setting is
        plans = [
            prepare(replace(request, overrides=(*request.overrides, f"device.engine={engine}")))
            for request, engine in zip(requests, engines, strict=True)
        ]
    destination = plans[0].destination
    target = destination.target
    if destination.kind.holds == "firmware":
        raise ProjectError(
            "EP-180",
            f"{target.name} is {destination.kind.title}: two models are compared by taking turns only where time is measured",
            "run `edgepack bench` once for each; instructions are counted exactly",
        )
    if target.device.benchmark_model is not None:
        progress.note("benchmark_model cannot take turns: the two run in edgepack's own runner")
    models = (_model(plans[0]), _model(plans[1]))
    with destination.open() as device:
        return compare(models, engines, device, target, progress, seconds)


def _model(plan: Plan) -> Path:
    """The .tflite that was named, or the one the project deployed last."""
    given = plan.request.project
    if isinstance(given, Path) and given.suffix == ".tflite":
        return given
    return read_pack(last_pack(plan.out, given if isinstance(given, Path) else plan.project.folder)).model


def _bench_mcu(model: Path, plan: Plan, progress: Progress) -> Measured:
    name, device = c_identifier(plan.project.name), plan.target.device
    address = plan.destination.address or EMULATED
    plan.destination.check_address()
    with scratch_folder("edgepack-bench-") as work:
        with progress.stage("Reference outputs", model.name):
            packed = write_pack(Path(work) / "pack", plan.project.name, model)
        with progress.stage("Compiling to C", f"{device.cpu}, for {device.optimize}"):
            code = compile_for(read_model(model), name, device)
        macs = int(packed.manifest["model"]["macs"])
        measured = measure_mcu(code.files, code.name, packed.golden, macs, plan.target, progress)
        on_board: tuple[Measurement, ...] = ()
        if address != EMULATED:
            on_board, _ = measure_board(address, code.files, code.name, packed.golden, plan.target, progress)
        return Measured((*on_board, *measured.measurements), (), (), None, result=measured.result)
