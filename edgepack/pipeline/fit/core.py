"""A model on a microcontroller's core: compiled, linked, and one golden vector run where there is an emulator for the core."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgepack.compile import CCode
from edgepack.ground.errors import CompilerMissing, DeviceError, ToolError
from edgepack.mcu.image.size import Sizes
from edgepack.measure.mcu.emulated import McuResult, bench_mcu, link_mcu
from edgepack.measure.mcu.measurements import mcu_measurements
from edgepack.measure.types import Measurement
from edgepack.pack.golden import Golden
from edgepack.project import Target
from edgepack.report.fit import Peak


@dataclass(frozen=True)
class OnCore:
    """What a model takes on a core. `sizes` is None where it could not be linked; `constants` are bytes of weights and tables."""

    code: CCode
    measurements: tuple[Measurement, ...]
    constants: int
    method: str
    sizes: Sizes | None = None
    result: McuResult | None = None


def on_core(code: CCode, golden: Golden, target: Target, per_layer: bool = True) -> OnCore:
    """Link the code and run its first golden vector on an emulated core, as a deployment does first.

    Without an emulator for the core it is linked only, without a compiler it is only generated; what nobody can know then has no
    value, except that a part which alone is over a budget decides it.

    Raises:
        CompileError: EP-750 to EP-752 the C does not build.
        DeviceError: EP-55x it does not run on the emulated core; EP-560 its output is not the reference's.
    """
    cpu, optimize = target.device.cpu or "", target.device.optimize
    inputs = tuple(golden.values(tensor)[:1] for tensor in golden.inputs)
    outputs = tuple(golden.values(tensor)[:1] for tensor in golden.outputs)
    try:
        result = bench_mcu(
            code.files,
            code.name,
            cpu,
            inputs,
            outputs,
            clock_hz=target.device.clock_hz,
            optimize=optimize,
            per_layer=per_layer,
        )
    except CompilerMissing as error:
        return _generated(code, target, str(error))
    except ToolError as error:
        return _linked(code, target, link_mcu(code.files, code.name, cpu, inputs, outputs, optimize), str(error))
    if result.parity.differing:
        text = f"the first golden vector differs on the emulated {cpu}"
        raise DeviceError("EP-560", text, "this pack must not ship; please report it with the model")
    sizes = result.sizes
    return OnCore(code, mcu_measurements(result, target), sizes.constants, result.method, sizes, result)


def _linked(code: CCode, target: Target, sizes: Sizes, why: str) -> OnCore:
    """Flash is known; of the RAM all but the stack; time is not."""
    found = (
        Measurement("flash", float(sizes.flash), "bytes", "file", "code and constants of the linked program"),
        _at_least("ram", sizes.ram, target.budget.ram, f"arena and globals, without the stack: {why}"),
        Measurement("arena", float(sizes.arena), "bytes", "file", "the caller's memory, as the header says"),
        *_untimed(code, why),
    )
    return OnCore(code, found, sizes.constants, "linked, not run", sizes)


def _generated(code: CCode, target: Target, why: str) -> OnCore:
    """Only what the generated C says of itself is known."""
    found = (
        _at_least("flash", code.constants, target.budget.flash, f"constants, without the code: {why}"),
        _at_least("ram", code.arena_size, target.budget.ram, f"arena, without globals and stack: {why}"),
        Measurement("arena", float(code.arena_size), "bytes", "file", "the caller's memory, as the header says"),
        *_untimed(code, why),
    )
    return OnCore(code, found, code.constants, "generated, not linked")


def _at_least(quantity: str, part: int, limit: int | None, what: str) -> Measurement:
    """A part of a quantity: its value where that is over the limit already, for the whole is then, too; else no value."""
    over = limit is not None and part > limit
    return Measurement(quantity, float(part) if over else None, "bytes", "file", f"{part:,} bytes are {what}")


def _untimed(code: CCode, why: str) -> tuple[Measurement, ...]:
    predicted = sum(layer.predicted for layer in code.layers)
    return (
        Measurement("instructions", predicted, "", "estimate", "as the compiler's costs of its kernels predict"),
        *(Measurement(quantity, None, "s", "estimate", why) for quantity in ("latency_p50", "latency_p95", "latency_p99")),
    )


def ram_peak(code: CCode) -> Peak | None:
    """The layer while which most of the arena is in use, and the bytes that are then, with state."""
    if not code.layers:
        return None
    layer = code.layers[code.plan.peak_call]
    return Peak(layer.layer, layer.op, float(code.plan.lower_bound), "bytes")


def time_peak(found: OnCore) -> Peak | None:
    """The layer that takes most cycles, or where nothing was run the most instructions as predicted."""
    layers = found.code.layers
    if not layers:
        return None
    costs = np.array([layer.predicted for layer in layers])
    unit = "instructions"
    if found.result is not None:
        costs, unit = np.zeros(len(layers)), "cycles"
        for title, cycles in found.result.per_layer_cycles.items():  # "03 CONV_2D conv2d_1"
            number = title.partition(" ")[0]
            if number.isdigit() and int(number) < len(layers):
                costs[int(number)] += cycles
    whole = float(found.result.cycles_estimated) if found.result is not None else float(costs.sum())
    most = int(costs.argmax())
    if whole <= 0 or not costs[most]:
        return None
    return Peak(layers[most].layer, layers[most].op, float(costs[most]), unit, float(costs[most]) / whole)
