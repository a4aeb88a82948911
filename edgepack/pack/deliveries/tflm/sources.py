"""A model for TensorFlow Lite Micro: the array, a resolver of the right size, the arena's size, golden vectors, an example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack import __version__
from edgepack.flatbuffer import Model, read_model
from edgepack.flatbuffer.rewrite.fix_shapes import fix_shapes
from edgepack.flatbuffer.tflm import resolver_method
from edgepack.ground.errors import ModelError
from edgepack.ground.escape import markdown, markdown_code
from edgepack.ground.scratch import scratch_folder
from edgepack.pack.deliveries.c_array import c_array_texts
from edgepack.pack.deliveries.form import Form, Options
from edgepack.pack.deliveries.tflm.coding import Coding, code_for_tflm
from edgepack.pack.deliveries.tflm.example import tflm_main
from edgepack.pack.deliveries.tflm.fit import TflmFit, fit_tflm
from edgepack.pack.deliveries.writing import write_beside
from edgepack.pack.golden import Golden, choose_golden_inputs, last_inputs, read_golden, write_golden
from edgepack.pack.golden.c_text import banner, golden_header, golden_source
from edgepack.pack.golden.reference import MICRO
from edgepack.project import c_identifier

_VECTORS = 4  # golden vectors in the example; each costs flash

OWN_ARITHMETIC = frozenset({"UNIDIRECTIONAL_SEQUENCE_LSTM"})
"""Operators that TFLite Micro defines anew: its bits are not tflite-runtime's, so its own outputs are its golden vectors."""


@dataclass(frozen=True)
class TflmSources:
    """A model as sources for TFLite Micro: `files` by name, their golden vectors, and how the model does there.

    `coding` is what became of its weights, None when nobody asked for codes.
    """

    stem: str
    files: dict[str, str]
    golden: Golden
    fit: TflmFit
    coding: Coding | None = None


def tflm_sources(model: Path, name: str, work: Path, coding: bool = False) -> TflmSources:
    """NAME.h, NAME.c, NAME_tflm.h, NAME_golden.h and NAME_golden.c; the golden vectors' own files go to the folder `work`.

    Shapes that the file leaves open are filled in, because the interpreter computes none. `coding`: weights are stored in the
    interpreter's codes where that makes the file smaller; the golden vectors are of the file without.

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
    coded = code_for_tflm(fixed, work) if coding and not fit.differing else None
    if coded is not None and coded.tensors:
        fixed.write_bytes(coded.content)
        fit = fit_tflm(fixed, golden)
    if fit.differing:
        raise ModelError(
            "EP-255",
            f"TFLite Micro gives other outputs than the reference for {fit.differing} of {fit.compared} golden vectors",
            "please report it with the model; edgepack export --as c is checked bit for bit",
        )
    files = {
        **c_array_texts(fixed.read_bytes(), stem),
        f"{stem}_tflm.h": _resolver_header(stem, read_model(fixed), fit, coded),
        f"{stem}_golden.h": golden_header(stem, golden, golden.count),
        f"{stem}_golden.c": golden_source(stem, golden, golden.count),
    }
    return TflmSources(stem, files, golden, fit, coded)


def export_tflm(model: Path, name: str, folder: Path, options: Options | None = None) -> tuple[Path, ...]:
    """Write NAME.h, NAME.c, NAME_tflm.h, NAME_golden.h, NAME_golden.c, main.cc and README.md; returns their paths.

    With `options.tflm_coding` also NAME.tflite, the model with its weights in codes, and a note on what that changed.

    Raises:
        ModelError: what `tflm_sources` says.
        EdgepackError: EP-252 when the files cannot be written.
    """
    options = options or Options()
    with scratch_folder("edgepack-tflm-") as work:
        made = tflm_sources(model, name, Path(work), options.tflm_coding)
        texts: dict[str, str | bytes] = {
            **made.files,
            "main.cc": tflm_main(made.stem, made.golden),
            "README.md": tflm_readme(made),
        }
    if made.coding is not None:
        texts[f"{made.stem}.tflite"] = made.coding.content
        options.note(made.coding.line)
    return write_beside(folder, texts)


def _resolver_header(stem: str, model: Model, fit: TflmFit, coded: Coding | None) -> str:
    prefix = stem.upper()
    codes = {(op.name, op.custom_code) for graph in model.subgraphs for op in graph.operators}
    names = sorted(code if name == "CUSTOM" and code else name for name, code in codes)  # those of tflm.py: EP-254 refuses others
    decoding = (
        "\n * Weights are decoded into it in every run: AddDecode registers the operator." if coded and coded.tensors else ""
    )
    adds = "\n".join(f"  if (resolver.{resolver_method(name)}() != kTfLiteOk) return kTfLiteError;" for name in names)
    return f"""{banner(f"{stem}: its operators and its arena in TensorFlow Lite Micro.")}\
#ifndef {prefix}_TFLM_H
#define {prefix}_TFLM_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

/* {fit.arena} bytes were allocated with reference kernels on a 64-bit machine; {fit.margin} are for CMSIS-NN's scratch.
 * A 32-bit core needs no more than the sum; interpreter.arena_used_bytes() tells how much.{decoding} */
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
    coded = f"| `{stem}.tflite` | the model as a file |\n" if made.coding else ""
    files = f"""Add these files to a build that has TensorFlow Lite Micro.

| file | what it is |
|---|---|
| `{stem}.h`, `{stem}.c` | the model as a 16-byte aligned array, its size, scales, zero points and shapes |
| `{stem}_tflm.h` | a resolver with exactly the operators the model uses, and `{stem.upper()}_ARENA_SIZE` |
| `{stem}_golden.h`, `{stem}_golden.c` | inputs with the exact outputs of {made.golden.engine} {made.golden.engine_version} |
| `main.cc` | an example that runs them and prints how many differ |
{coded}"""
    return f"""# {stem} for TensorFlow Lite Micro
Written by edgepack {__version__}. {files if table else ""}
The interpreter allocated {fit.arena:,} bytes on a 64-bit machine with reference kernels; {fit.margin:,} more are reserved for the
scratch of CMSIS-NN's kernels: {fit.arena_size:,} bytes in all. In the real interpreter there, all {fit.compared} golden vectors
gave the bytes that are written here, which {made.golden.engine} computed.
{_coded_part(made.coding)}"""


def _coded_part(coding: Coding | None) -> str:
    """What became of the weights, for README.md; empty when nobody asked for codes."""
    if coding is None:
        return ""
    said = f"{markdown(coding.line[0].upper() + coding.line[1:])}."
    if not coding.tensors:
        return f"\n## Codes\n{said}\n"
    rows = "".join(
        f"| {markdown_code(tensor.layer)} | {tensor.operator} | {tensor.how} | {tensor.before:,} | {tensor.after:,} |\n"
        for tensor in coding.tensors
    )
    return f"""
## Codes
{said}
The operator DECODE of TensorFlow Lite Micro decodes these tensors into the arena, each before the layer that reads it, in every
run: that takes time. Its interpreter gave the same bytes with both files. An older one may lack the operator (there is no
AddDecode then) or one of its codes ("unsupported decode type").

| layer | operator | code | bytes before | bytes |
|---|---|---|---|---|
{rows}"""


def _write(model: Path, name: str, folder: Path, options: Options) -> tuple[Path, ...]:
    return export_tflm(model, name, folder, options)


_WHAT = "for TensorFlow Lite Micro: array, sized resolver, arena size, golden vectors, an example"
FORM = Form("tflm", _WHAT, _write, tflm=True)
