"""A model whose weights TensorFlow Lite Micro decodes, handed out only when its interpreter gives the same bytes as before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgepack.flatbuffer import read_model
from edgepack.flatbuffer.rewrite.code_weights import CodedTensor, code_weights
from edgepack.ground.errors import ModelRefused
from edgepack.pack.golden import choose_golden_inputs
from edgepack.pack.golden.reference import run_micro


@dataclass(frozen=True)
class Coding:
    """What became of a model's weights: the file, which is the one given when no tensor is coded, and a line that says it.

    `before` and `after` are the file and the arena in bytes, uncoded and coded.
    """

    content: bytes
    line: str
    tensors: tuple[CodedTensor, ...] = ()
    before: tuple[int, int] = (0, 0)
    after: tuple[int, int] = (0, 0)


def code_for_tflm(model_file: Path, work: Path) -> Coding:
    """Code the weights of a model with fixed shapes, and run both files in the interpreter: extremes and random inputs.

    Raises:
        ModelError: EP-283 when the interpreter refuses the model uncoded.
        ToolError: EP-690 when tflite-micro is not installed.
    """
    data = model_file.read_bytes()
    model = read_model(data)
    coded = code_weights(data, model)
    if not coded.tensors:
        return Coding(data, f"weights not coded: {coded.why}")
    inputs = choose_golden_inputs(model).arrays
    plain = run_micro(model, model_file, inputs)
    file = work / "coded" / model_file.name
    file.parent.mkdir()
    file.write_bytes(coded.content)
    try:
        run = run_micro(read_model(coded.content), file, inputs)
    except ModelRefused as refusal:
        return Coding(data, f"weights not coded: with codes, {refusal}")
    if any(one.tobytes() != other.tobytes() for one, other in zip(plain.outputs, run.outputs, strict=True)):
        return Coding(data, "weights not coded: TFLite Micro gives other outputs with them; please report it with the model")
    before, after = (len(data), plain.arena), (len(coded.content), run.arena)
    many = f"{len(coded.tensors)} tensors" if len(coded.tensors) > 1 else "1 tensor"
    line = (
        f"{many} of weights coded: the file takes {after[0]:,} bytes instead of {before[0]:,}, "
        f"the arena {after[1]:,} instead of {before[1]:,}"
    )
    return Coding(coded.content, line, coded.tensors, before, after)
