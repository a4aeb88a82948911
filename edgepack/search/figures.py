"""What a .tflite costs on a target: the figures that the target's budgets judge, of the file as it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgepack.compile import compile_for
from edgepack.flatbuffer import Model, Tensor, inspect_model, read_model
from edgepack.kinds import kind_of
from edgepack.measure.mcu.emulated import bench_mcu
from edgepack.pack.deliveries.tflm.fit import scratch_margin
from edgepack.pack.golden.reference import run_micro
from edgepack.project import Target

_NAME = "model"  # of the generated C, whose size does not depend on it


@dataclass(frozen=True)
class Figures:
    """Bytes of flash and of RAM as the budgets mean them, executed instructions and estimated seconds of an inference, the
    .tflite's bytes and multiply-accumulates. None: nothing here can tell it, as of a device that runs the .tflite itself.
    """

    flash: int | None
    ram: int | None
    instructions: int | None
    latency: float | None
    model_size: int
    macs: int

    @property
    def known(self) -> dict[str, float]:
        """What is told, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def compiled_figures(tflite: Path, target: Target) -> Figures:
    """The figures of a .tflite on a target. For a microcontroller it is compiled, linked and run once on the emulated core.

    Raises:
        CompileError, ToolError, DeviceError: it cannot be compiled, a tool is missing, or it does not run.
    """
    model = read_model(tflite)
    macs, device = inspect_model(model).totals.macs, target.device
    if kind_of(target).holds != "firmware":
        return Figures(None, None, None, None, model.size_bytes, macs)
    if device.runtime == "tflm":
        needed = run_micro(model, tflite, _inputs(model)).arena + scratch_margin(model)
        return Figures(None, -(-needed // 16) * 16, None, None, model.size_bytes, macs)
    code = compile_for(model, _NAME, device)
    ran = bench_mcu(
        code.files,
        code.name,
        code.cpu,
        _inputs(model),
        outputs_like=[np.zeros((1, *tensor.shape), tensor.dtype) for tensor in _ports(model, model.subgraphs[0].outputs)],
        clock_hz=device.clock_hz,
        optimize=device.optimize,
    )
    seconds = None if ran.ms is None else ran.ms / 1000
    return Figures(ran.flash_bytes, ran.ram_bytes + ran.stack_bytes, ran.instructions, seconds, model.size_bytes, macs)


def _inputs(model: Model) -> list[NDArray[np.generic]]:
    """One example: random bytes, and zeros for what may be an index."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(-128, 128, (1, *tensor.shape)).astype(tensor.dtype)
        if tensor.dtype == "int8"
        else np.zeros((1, *tensor.shape), tensor.dtype)
        for tensor in _ports(model, model.subgraphs[0].inputs)
    ]


def _ports(model: Model, indices: tuple[int, ...]) -> list[Tensor]:
    return [model.subgraphs[0].tensors[index] for index in indices]
