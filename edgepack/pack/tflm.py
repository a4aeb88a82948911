"""A model for TensorFlow Lite Micro: the array, a resolver of the right size, the arena's size, golden vectors, an example."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgepack import __version__
from edgepack.errors import EdgepackError, ModelError
from edgepack.files import write_atomic
from edgepack.flatbuffer import Model, inspect_model, read_model
from edgepack.flatbuffer.tflm import resolver_method
from edgepack.pack.c_array import export_c_array
from edgepack.pack.golden import Golden, choose_golden_inputs, read_golden, write_golden
from edgepack.pack.golden_c import banner, golden_header, golden_source
from edgepack.project import c_identifier
from edgepack.runners.tflm import run_tflm

_VECTORS = 4  # golden vectors in the example; each costs flash


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
    run = run_tflm(model_file, tuple(map(golden.values, golden.inputs)), len(golden.outputs))
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


def export_tflm(model: Path, name: str, folder: Path) -> tuple[Path, ...]:
    """Write NAME.h, NAME.c, NAME_tflm.h, NAME_golden.h, NAME_golden.c, main.cc and README.md; returns their paths.

    Raises:
        ModelError: EP-254, EP-283 when TFLite Micro cannot run the model, or its outputs are not the reference's (EP-255).
        EdgepackError: EP-252 when the files cannot be written.
    """
    stem = c_identifier(name)
    with tempfile.TemporaryDirectory(prefix="edgepack-tflm-") as work:
        content = read_model(model)
        write_golden(Path(work), content, model, choose_golden_inputs(content, count=_VECTORS))
        golden = read_golden(Path(work))
        fit = fit_tflm(model, golden)
        if fit.differing:
            raise ModelError(
                "EP-255",
                f"TFLite Micro gives other outputs than the reference for {fit.differing} of {fit.compared} golden vectors",
                "please report it with the model; edgepack export --as c is checked bit for bit",
            )
        count = min(_VECTORS, golden.count)
        texts = {
            f"{stem}_tflm.h": _resolver_header(stem, content, fit),
            f"{stem}_golden.h": golden_header(stem, golden, count),
            f"{stem}_golden.c": golden_source(stem, golden, count),
            "main.cc": _example(stem, golden),
            "README.md": _readme(stem, fit),
        }
    header, source = export_c_array(model, stem, folder)
    try:
        for file, text in texts.items():
            write_atomic(folder / file, text)
    except OSError as error:
        raise EdgepackError("EP-252", f"cannot write to {folder}: {error.strerror}", "choose another folder with -o") from error
    return (header, source, *(folder / file for file in texts))


def _resolver_header(stem: str, model: Model, fit: TflmFit) -> str:
    prefix = stem.upper()
    codes = {(op.name, op.custom_code) for graph in model.subgraphs for op in graph.operators}
    names = sorted(code if name == "CUSTOM" and code else name for name, code in codes)
    adds = "\n".join(f"  if (resolver.{resolver_method(name)}() != kTfLiteOk) return kTfLiteError;" for name in names)
    return f"""{banner(f"{stem}: its operators and its arena in TensorFlow Lite Micro.")}\
#ifndef {prefix}_TFLM_H
#define {prefix}_TFLM_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

/* {fit.arena} bytes were allocated with reference kernels on a 64-bit machine; {fit.margin} are for CMSIS-NN's scratch.
 * A 32-bit core needs no more than the sum; interpreter.arena_used_bytes() tells how much. */
#define {prefix}_ARENA_SIZE {fit.arena_size} /* bytes, must be 16-aligned */

using {stem}_resolver = tflite::MicroMutableOpResolver<{len(names)}>;

inline TfLiteStatus {stem}_register_operators({stem}_resolver& resolver) {{
{adds}
  return kTfLiteOk;
}}

#endif
"""


def _example(stem: str, golden: Golden) -> str:
    prefix = stem.upper()
    fills = "\n".join(
        f"    std::memcpy(interpreter.input({index})->data.raw, {stem}_golden_input_{index}[vector],\n"
        f"                sizeof {stem}_golden_input_{index}[vector]);"
        for index in range(len(golden.inputs))
    )
    checks = "\n".join(
        f"    if (std::memcmp(interpreter.output({index})->data.raw, {stem}_golden_output_{index}[vector],\n"
        f"                    sizeof {stem}_golden_output_{index}[vector]) != 0) differing++;"
        for index in range(len(golden.outputs))
    )
    return f"""// Runs the golden vectors of {stem} in TensorFlow Lite Micro. Generated by edgepack {__version__}.
#include <cstdio>
#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "{stem}.h"
#include "{stem}_golden.h"
#include "{stem}_tflm.h"

alignas(16) static uint8_t arena[{prefix}_ARENA_SIZE];

int main() {{
  static {stem}_resolver resolver;
  if ({stem}_register_operators(resolver) != kTfLiteOk) return 2;
  static tflite::MicroInterpreter interpreter(tflite::GetModel({stem}_model), resolver, arena, sizeof arena);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 3;
  int differing = 0;
  for (int vector = 0; vector < {prefix}_GOLDEN_COUNT; vector++) {{
{fills}
    if (interpreter.Invoke() != kTfLiteOk) return 4;
{checks}
  }}
  std::printf("%d of %d golden vectors differ, arena used %u of %u bytes\\n", differing, {prefix}_GOLDEN_COUNT,
              static_cast<unsigned>(interpreter.arena_used_bytes()), static_cast<unsigned>(sizeof arena));
  return differing != 0;
}}
"""


def _readme(stem: str, fit: TflmFit) -> str:
    return f"""# {stem} for TensorFlow Lite Micro
Written by edgepack {__version__}. Add these files to a build that has TensorFlow Lite Micro.

| file | what it is |
|---|---|
| `{stem}.h`, `{stem}.c` | the model as a 16-byte aligned array, its size, scales, zero points and shapes |
| `{stem}_tflm.h` | a resolver with exactly the operators the model uses, and `{stem.upper()}_ARENA_SIZE` |
| `{stem}_golden.h`, `{stem}_golden.c` | inputs with the reference kernels' exact outputs |
| `main.cc` | an example that runs them and prints how many differ |

The interpreter allocated {fit.arena:,} bytes on a 64-bit machine with reference kernels; {fit.margin:,} more are reserved for the
scratch of CMSIS-NN's kernels: {fit.arena_size:,} bytes in all. In the real interpreter there, all {fit.compared} golden vectors
gave the reference's bytes.
"""
