"""A model for TensorFlow Lite Micro: the array, a resolver of the right size, the arena's size, golden vectors, an example."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgepack import __version__
from edgepack.flatbuffer import Model, inspect_model, read_model
from edgepack.flatbuffer.rewrite.fix_shapes import fix_shapes
from edgepack.flatbuffer.tflm import resolver_method
from edgepack.ground.errors import EdgepackError, ModelError
from edgepack.ground.files import write_atomic
from edgepack.pack.c_array import c_array_texts
from edgepack.pack.golden import Golden, choose_golden_inputs, last_inputs, read_golden, write_golden
from edgepack.pack.golden_c import banner, golden_header, golden_source
from edgepack.pack.reference import MICRO, run_micro
from edgepack.pack.tflm_example import tflm_main
from edgepack.project import c_identifier

_VECTORS = 4  # golden vectors in the example; each costs flash

OWN_ARITHMETIC = frozenset({"UNIDIRECTIONAL_SEQUENCE_LSTM"})
"""Operators that TFLite Micro defines anew: its bits are not tflite-runtime's, so its own outputs are its golden vectors."""


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


@dataclass(frozen=True)
class TflmSources:
    """A model as sources for TFLite Micro: `files` by name, their golden vectors, and how the model does there."""

    stem: str
    files: dict[str, str]
    golden: Golden
    fit: TflmFit


def tflm_sources(model: Path, name: str, work: Path) -> TflmSources:
    """NAME.h, NAME.c, NAME_tflm.h, NAME_golden.h and NAME_golden.c; the golden vectors' own files go to the folder `work`.

    Shapes that the file leaves open are filled in, because the interpreter computes none.

    Raises:
        ModelError: EP-254, EP-283 when TFLite Micro cannot run the model, or its outputs are not the reference's (EP-255).
    """
    stem = c_identifier(name)
    original = model.read_bytes()
    content = read_model(original)
    fixed = work / f"{stem}.tflite"
    fixed.write_bytes(fix_shapes(original, content))
    inputs = last_inputs(choose_golden_inputs(content), _VECTORS)
    own = any(operator.name in OWN_ARITHMETIC for operator in content.subgraphs[0].operators)
    write_golden(work / "golden", content, fixed, inputs, (MICRO,) if own else ())
    golden = read_golden(work / "golden")
    fit = fit_tflm(fixed, golden)
    if fit.differing:
        raise ModelError(
            "EP-255",
            f"TFLite Micro gives other outputs than the reference for {fit.differing} of {fit.compared} golden vectors",
            "please report it with the model; edgepack export --as c is checked bit for bit",
        )
    files = {
        **c_array_texts(fixed.read_bytes(), stem),
        f"{stem}_tflm.h": _resolver_header(stem, content, fit),
        f"{stem}_golden.h": golden_header(stem, golden, golden.count),
        f"{stem}_golden.c": golden_source(stem, golden, golden.count),
    }
    return TflmSources(stem, files, golden, fit)


def export_tflm(model: Path, name: str, folder: Path) -> tuple[Path, ...]:
    """Write NAME.h, NAME.c, NAME_tflm.h, NAME_golden.h, NAME_golden.c, main.cc and README.md; returns their paths.

    Raises:
        ModelError: what `tflm_sources` says.
        EdgepackError: EP-252 when the files cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="edgepack-tflm-") as work:
        made = tflm_sources(model, name, Path(work))
        texts = {**made.files, "main.cc": tflm_main(made.stem, made.golden), "README.md": tflm_readme(made)}
    try:
        for file, text in texts.items():
            write_atomic(folder / file, text)
    except OSError as error:
        raise EdgepackError("EP-252", f"cannot write to {folder}: {error.strerror}", "choose another folder with -o") from error
    return tuple(folder / file for file in texts)


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


def tflm_readme(made: TflmSources, table: bool = True) -> str:
    """README.md: the files, unless a package has its own layout, and how much memory the interpreter takes."""
    stem, fit = made.stem, made.fit
    files = f"""Add these files to a build that has TensorFlow Lite Micro.

| file | what it is |
|---|---|
| `{stem}.h`, `{stem}.c` | the model as a 16-byte aligned array, its size, scales, zero points and shapes |
| `{stem}_tflm.h` | a resolver with exactly the operators the model uses, and `{stem.upper()}_ARENA_SIZE` |
| `{stem}_golden.h`, `{stem}_golden.c` | inputs with the exact outputs of {made.golden.engine} {made.golden.engine_version} |
| `main.cc` | an example that runs them and prints how many differ |

"""
    return f"""# {stem} for TensorFlow Lite Micro
Written by edgepack {__version__}. {files if table else ""}
The interpreter allocated {fit.arena:,} bytes on a 64-bit machine with reference kernels; {fit.margin:,} more are reserved for the
scratch of CMSIS-NN's kernels: {fit.arena_size:,} bytes in all. In the real interpreter there, all {fit.compared} golden vectors
gave the bytes that are written here, which {made.golden.engine} computed.
"""
