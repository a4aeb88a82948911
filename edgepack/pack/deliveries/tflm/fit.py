"""How a model does in the real TensorFlow Lite Micro interpreter: its arena, and whether its outputs are the reference's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgepack.flatbuffer import Model, inspect_model, read_model
from edgepack.ground.errors import ModelError
from edgepack.pack.golden import Golden
from edgepack.pack.golden.reference import run_micro


@dataclass(frozen=True)
class TflmFit:
    """How a model does in TFLite Micro.

    `arena` is what the interpreter allocated on this 64-bit machine, `margin` what optimised kernels may need beside it; the
    two together bound what a 32-bit core needs, whose structures are smaller. `compared` golden vectors were run, of which
    `differing` gave other bytes than the reference.
    """

    arena: int
    margin: int
    compared: int
    differing: int

    @property
    def arena_size(self) -> int:
        """Bytes to reserve, a multiple of 16."""
        return -(-(self.arena + self.margin) // 16) * 16


def fit_tflm(model_file: Path, golden: Golden) -> TflmFit:
    """Allocate the model in the real interpreter and run the golden vectors through it.

    Raises:
        ModelError: EP-254 for operators that TFLite Micro lacks; EP-283 when it refuses the model.
        ToolError: EP-690 when tflite-micro is not installed.
    """
    model = read_model(model_file)
    outside = inspect_model(model).outside_tflm
    if outside:
        raise ModelError(
            "EP-254",
            f"TFLite Micro has no kernel for {', '.join(outside)}",
            "replace those layers (edgepack inspect names them), or use edgepack export --as c",
        )
    run = run_micro(model, model_file, tuple(map(golden.values, golden.inputs)))
    differs = np.zeros(golden.count, dtype=bool)
    for tensor, got in zip(golden.outputs, run.outputs, strict=True):
        differs |= (got.reshape(golden.count, -1) != golden.values(tensor).reshape(golden.count, -1)).any(axis=1)
    return TflmFit(run.arena, scratch_margin(model), golden.count, int(differs.sum()))


def scratch_margin(model: Model) -> int:
    """Bytes of scratch that CMSIS-NN's kernels may ask for and the reference kernels do not.

    The largest of: two columns of patches in int16 for a convolution that is not 1x1 (arm_convolve_s8_get_buffer_size), one
    patch in int16 for a depthwise one (arm_depthwise_conv_s8_opt_get_buffer_size), a sum an output for a fully connected
    layer on Helium (arm_fully_connected_s8_get_buffer_size); and 16 bytes of alignment.
    """
    largest = 0
    graph = model.subgraphs[0]
    for operator in graph.operators:
        if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            continue
        shape = graph.tensors[operator.inputs[1]].shape
        if operator.name == "FULLY_CONNECTED":
            needed = 4 * shape[0]
        else:
            patch = int(np.prod(shape[1:]))
            needed = 2 * patch if operator.name == "DEPTHWISE_CONV_2D" else 4 * patch if shape[1:3] != (1, 1) else 0
        largest = max(largest, needed)
    return largest + 16 if largest else 0
