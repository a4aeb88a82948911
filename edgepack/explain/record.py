"""Run a quantized and a float .tflite on the same inputs and gather how their tensors differ: record.py SPECIFICATION RESULT.

A program of its own, as every runtime is (see docs/decisions/worker-processes.md): it imports LiteRT and numpy alone. The
specification (JSON) has `quantized` and `original` (files), `inputs` (.npy files, float, one an input of the model), `count`, and
`tensors`: pairs of tensor numbers. The result has, for each pair, sums over all examples from which any measure of error follows,
so that memory does not grow with their number. Progress goes to standard output, a line an example.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def main(specification: str, result: str) -> None:
    """Run, and write the result file."""
    wanted = json.loads(Path(specification).read_text())
    quantized, original = _open(wanted["quantized"]), _open(wanted["original"])
    inputs = [np.load(file, mmap_mode="r", allow_pickle=False) for file in wanted["inputs"]]
    details = {item["index"]: item for item in quantized.get_tensor_details()}
    sums = [dict.fromkeys(_SUMS, 0.0) for _ in wanted["tensors"]]
    for row in range(wanted["count"]):
        example = [np.asarray(array[row]) for array in inputs]
        for interpreter in (quantized, original):
            if hasattr(interpreter, "reset_all_variables"):
                interpreter.reset_all_variables()
            for tensor, values in zip(interpreter.get_input_details(), example, strict=True):
                interpreter.set_tensor(tensor["index"], _stored(values, tensor).reshape(tensor["shape"]))
            interpreter.invoke()
        for (coded, real), found in zip(wanted["tensors"], sums, strict=True):
            detail = details[coded]
            codes = quantized.get_tensor(coded)
            _gather(found, codes, _parameters(detail), original.get_tensor(real))
        print(row + 1, flush=True)
    Path(result).write_text(json.dumps(sums))


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


def _open(file: str) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=file,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    return interpreter


def _parameters(detail: dict[str, Any]) -> tuple[Any, Any]:
    """Scale and zero point of a tensor; 1 and 0 for one that holds real numbers."""
    scales, zeros = (detail["quantization_parameters"][key] for key in ("scales", "zero_points"))
    return (float(scales[0]), int(zeros[0])) if len(scales) else (1.0, 0)


def _stored(values: NDArray[Any], detail: dict[str, Any]) -> NDArray[Any]:
    """Real values as a model's input takes them: rounded half away from zero, as TFLite's QUANTIZE does."""
    kind = np.dtype(detail["dtype"])
    if kind.kind not in "iu" or not len(detail["quantization_parameters"]["scales"]):
        return values.astype(kind)
    scale, zero = _parameters(detail)
    ratio = values.astype(np.float32) / np.float32(scale)
    rounded = np.trunc(ratio + np.copysign(np.float32(0.5), ratio)) + zero
    limits = np.iinfo(kind)
    stored: NDArray[Any] = np.clip(rounded, limits.min, limits.max).astype(kind)
    return stored


if __name__ == "__main__":
    main(*sys.argv[1:])
