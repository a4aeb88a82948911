"""Running a .tflite with LiteRT, which knows nothing of edgepack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def run(file: Path | bytes, *inputs: NDArray[Any]) -> list[NDArray[Any]]:
    """The outputs, as real numbers, for a batch of real-valued inputs given one after the other."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=file if isinstance(file, bytes) else file.read_bytes())
    interpreter.allocate_tensors()
    given, wanted = interpreter.get_input_details(), interpreter.get_output_details()
    collected: list[list[NDArray[Any]]] = [[] for _ in wanted]
    for row in range(len(inputs[0])):
        for details, array in zip(given, inputs, strict=True):
            interpreter.set_tensor(details["index"], _stored(array[row : row + 1], details))
        interpreter.invoke()
        for details, rows in zip(wanted, collected, strict=True):
            rows.append(_real(interpreter.get_tensor(details["index"]), details))
    return [np.concatenate(rows) for rows in collected]


def _stored(values: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    scale, zero_point = details["quantization"]
    if not scale:
        return values.astype(details["dtype"])
    limits = np.iinfo(details["dtype"])
    return np.clip(np.round(values / scale + zero_point), limits.min, limits.max).astype(details["dtype"])


def _real(values: NDArray[Any], details: dict[str, Any]) -> NDArray[Any]:
    scale, zero_point = details["quantization"]
    return (values.astype(np.float32) - zero_point) * scale if scale else values
