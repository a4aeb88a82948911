"""Runs a .tflite in the TensorFlow Lite Micro interpreter (PyPI's tflite-micro) and says how large an arena it took.

A process of its own (worker.py), because TFLite Micro aborts on models it dislikes. The job has `model`, `inputs` (.npy files,
examples first, in the model's own types) and `outputs` (.npy files to write).
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

# Generous: a model that needs more fits no microcontroller.
ARENA = 64 << 20


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Allocate, run every example, write the outputs; the answer is `arena`: total, head and tail in bytes."""
    import numpy as np
    from tflite_micro.python.tflite_micro import runtime

    recording = runtime.InterpreterConfig.kAllocationRecording
    content = Path(job["model"]).read_bytes()
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA, intrepreter_config=recording)
    text = allocations(interpreter)
    found = {part: int(size) for part, size in re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", text)}
    inputs = [np.load(path, mmap_mode="r", allow_pickle=False) for path in job["inputs"]]
    results: list[list[Any]] = [[] for _ in job["outputs"]]
    for example in range(len(inputs[0]) if inputs else 0):
        for index, array in enumerate(inputs):
            shape = interpreter.get_input_details(index)["shape"]
            interpreter.set_input(np.ascontiguousarray(array[example]).reshape(shape), index)
        interpreter.invoke()
        for index, result in enumerate(results):
            result.append(interpreter.get_output(index).copy())
    for path, result in zip(job["outputs"], results, strict=True):
        np.save(path, np.stack(result), allow_pickle=False)
    return {"arena": found}


def allocations(interpreter: Any) -> str:
    """What the recording allocator prints, which it does to file descriptor 2."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            interpreter.print_allocations()
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode("utf-8", "replace")
