"""The walk's part for microcontrollers: compile to C, pack it, run it on the core, measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgepack.compile import CCode, compile_for
from edgepack.compile.coding_table import coded_rows, why_uncoded
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import Progress
from edgepack.kinds.mcu import EMULATED
from edgepack.measure import Measurement
from edgepack.measure.mcu.measurements import mcu_metric, measure_board, measure_mcu, metric_measurements, tflm_measurements
from edgepack.pack.deliveries.tflm.fit import fit_tflm
from edgepack.pipeline.packing import pack
from edgepack.pipeline.result import Result
from edgepack.project import c_identifier
from edgepack.report import InterpreterFacts, McuFacts

if TYPE_CHECKING:
    from edgepack.pipeline.build import Built
    from edgepack.pipeline.request import Plan


def on_microcontroller(plan: Plan, built: Built, progress: Progress) -> Result:
    """Compile the built model to C, check it bit for bit on the core with the golden vectors, and measure it.

    Raises:
        CompileError: the model has something the C compiler cannot do; the message names the layer.
        DeviceError: EP-560 when the core's outputs are not the reference's.
    """
    device = plan.target.device
    if device.runtime == "tflm":
        return _in_tflm(plan, built, progress)
    name = c_identifier(plan.project.name)
    with progress.stage("Compiling to C", f"{device.cpu}, for {device.optimize}") as task:
        code = compile_for(built.content, name, device)
        task.finish(f"arena {code.arena_size:,} bytes, lower bound {code.arena_lower_bound:,}")
    coding = coded_rows(code)
    packed = pack(plan, built, progress, {f"c/{file}": text for file, text in code.files.items()}, coding)
    macs = int(packed.manifest["model"]["macs"])
    measured = measure_mcu(code.files, code.name, packed.golden, macs, plan.target, progress)
    parity = measured.result.parity
    _insist(parity.differing, parity.compared, f"the emulated {device.cpu}")
    found: list[Measurement] = [
        Measurement("model_size", float(built.model.stat().st_size), "bytes", "file", built.model.name),
        *measured.measurements,
    ]
    address = plan.destination.address or EMULATED
    samples: tuple[float, ...] = ()
    real_hardware = False
    if address != EMULATED:
        on_board, run = measure_board(address, code.files, code.name, packed.golden, plan.target, progress)
        _insist(run.differing, run.vectors, run.board)
        found[:0] = on_board  # of two estimates the first is judged: the one from the board's own time
        samples, real_hardware = run.seconds, not run.emulated
    if built.data is not None:
        value = mcu_metric(code.files, code.name, packed.golden, built.data, built.scoring, progress)
        found.extend(metric_measurements(value, plan.metric, built.baseline, len(built.data.test)))
    return Result(
        pack=packed,
        measurements=tuple(found),
        real_hardware=real_hardware,
        device=_facts(plan, code, measured.result.method, address, real_hardware),
        latency_samples=samples,
        instructions=_by_operator(code, measured.result.per_layer),
        coding=coding,
        uncoded="" if coding else "coding is off" if device.coding == "off" else why_uncoded(code),
        warnings=() if samples else (f"estimated time: {measured.result.cycles_error}",),
    )


def _in_tflm(plan: Plan, built: Built, progress: Progress) -> Result:
    """Judge the model for TensorFlow Lite Micro: its operators, its arena, its outputs; nothing is compiled."""
    packed = pack(plan, built, progress)
    with progress.stage("TensorFlow Lite Micro", f"{packed.golden.count} golden vectors in its interpreter") as task:
        fit = fit_tflm(packed.model, packed.golden)
        task.finish(f"arena {fit.arena_size:,} bytes, {fit.differing} vectors differ")
    _insist(fit.differing, fit.compared, "TensorFlow Lite Micro")
    found = list(tflm_measurements(built.model, fit))
    if built.data is not None and built.metric is not None:
        found.extend(metric_measurements(built.metric, plan.metric, built.baseline, len(built.data.test), "LiteRT"))
    facts = InterpreterFacts(plan.target.title, "TensorFlow Lite Micro", stand_in_reason="its interpreter on this machine")
    return Result(packed, tuple(found), False, facts)


def _insist(differing: int, compared: int, where: str) -> None:
    if differing:
        raise DeviceError(
            "EP-560",
            f"{differing} of {compared} golden vectors differ on {where}",
            "this pack must not ship; please report it with the model",
        )


def _facts(plan: Plan, code: CCode, method: str, address: str, real_hardware: bool) -> McuFacts:
    return McuFacts(
        model=plan.target.title,
        cpu=plan.target.device.cpu,
        clock_hz=plan.target.device.clock_hz,
        tools=method,
        arena_bytes=code.arena_size,
        arena_lower_bound=code.arena_lower_bound,
        kernels=", ".join(code.kernels),
        board=address,
        stand_in=not real_hardware,
        stand_in_reason="" if real_hardware else "an emulated core",
    )


def _by_operator(code: CCode, per_layer: dict[str, int]) -> dict[int, float]:
    """Executed instructions by the operator's index in the .tflite; `per_layer` is keyed "03 CONV_2D layer"."""
    counted: dict[int, float] = {}
    for title, instructions in per_layer.items():
        number = title.partition(" ")[0]
        if number.isdigit() and int(number) < len(code.layers):
            operator = code.layers[int(number)].operator
            counted[operator] = counted.get(operator, 0.0) + instructions
    return counted
