"""Runs a quantized and a float .tflite on the same inputs and gathers how their tensors differ.

A process of its own, as every runtime has (workers/worker.py). The job has `quantized` and `original` (files), `inputs` (.npy
files, float, one an input of the model), `count`, and `tensors`: pairs of tensor numbers. The answer has, for each pair, sums
over all examples from which any measure of error follows, so that memory does not grow with their number. A line an example tells
how far it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Run; the answer is `sums`."""
    quantized, original = open_watched(job["quantized"]), open_watched(job["original"])
    inputs = [np.load(file, mmap_mode="r", allow_pickle=False) for file in job["inputs"]]
    details = {item["index"]: item for item in quantized.get_tensor_details()}
    sums = [dict.fromkeys(_SUMS, 0.0) for _ in job["tensors"]]
    for row in range(job["count"]):
        example = [np.asarray(array[row]) for array in inputs]
        for interpreter in (quantized, original):
            set_inputs(interpreter, example)
            interpreter.invoke()
        for (coded, real), found in zip(job["tensors"], sums, strict=True):
            _gather(found, quantized.get_tensor(coded), parameters(details[coded]), original.get_tensor(real))
        print(row + 1, flush=True)
    return {"sums": sums}


_SUMS = ("values", "signal", "noise", "coded", "product", "largest", "clipped", "low", "high", "saturated")


def _gather(found: dict[str, float], codes: NDArray[Any], parameters: tuple[Any, Any], real: NDArray[Any]) -> None:
    """Add one example's tensors: `values` counted, `signal` and `coded` squared, `noise` their difference squared, the `largest`.

    `clipped` values of the float model lie outside of what the codes can say; `saturated` codes are at an end of their range.
    """
    scale, zero = parameters
    wanted = real.astype(np.float64).ravel()
    given = ((codes.astype(np.float64) - zero) * scale).ravel()
    difference = given - wanted
    found["values"] += wanted.size
    found["signal"] += float(wanted @ wanted)
    found["coded"] += float(given @ given)
    found["product"] += float(wanted @ given)
    found["noise"] += float(difference @ difference)
    found["largest"] = max(found["largest"], float(np.abs(difference).max(initial=0.0)))
    found["low"] = min(found["low"], float(wanted.min(initial=0.0)))
    found["high"] = max(found["high"], float(wanted.max(initial=0.0)))
    if codes.dtype.kind in "iu" and np.ndim(scale) == 0:
        limits = np.iinfo(codes.dtype)
        outside = (wanted < (limits.min - zero - 0.5) * scale) | (wanted > (limits.max - zero + 0.5) * scale)
        found["clipped"] += int(outside.sum())
        found["saturated"] += int(((codes == limits.min) | (codes == limits.max)).sum())


def set_inputs(interpreter: Any, example: list[NDArray[Any]]) -> None:
    """Give an interpreter an example in real values, its state as it was at first."""
    if hasattr(interpreter, "reset_all_variables"):
        interpreter.reset_all_variables()
    for tensor, values in zip(interpreter.get_input_details(), example, strict=True):
        interpreter.set_tensor(tensor["index"], _stored(values, tensor).reshape(tensor["shape"]))


def open_watched(file: str) -> Any:
    """An interpreter in which every tensor can be read after it ran."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=file,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    return interpreter


def parameters(detail: dict[str, Any]) -> tuple[Any, Any]:
    """Scale and zero point of a tensor; 1 and 0 for one that holds real numbers."""
    scales, zeros = (detail["quantization_parameters"][key] for key in ("scales", "zero_points"))
    return (float(scales[0]), int(zeros[0])) if len(scales) else (1.0, 0)


def _stored(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    """Real values as a model's input takes them."""
    from edgepack.runners.quantization import quantize

    scale, zero = parameters(detail) if len(detail["quantization_parameters"]["scales"]) else (0.0, 0)
    return quantize(values, scale, zero, detail["dtype"])
