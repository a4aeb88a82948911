"""Runs a .tflite in the TensorFlow Lite Micro interpreter (PyPI's tflite-micro) and says how large an arena it took.

    python run_tflm.py MODEL --input input_0.npy … --output output_0.npy …

Inputs are .npy files, examples first, in the model's own types. A process of its own, because TFLite Micro aborts on models it
dislikes. The result is one line of JSON between marker lines, as run.py prints it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from typing import Any

# Generous: a model that needs more fits no microcontroller.
ARENA = 64 << 20


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


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Allocate, run every example, write the outputs."""
    import numpy as np
    from tflite_micro.python.tflite_micro import runtime

    with open(arguments.model, "rb") as file:
        content = file.read()
    recording = runtime.InterpreterConfig.kAllocationRecording
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA, intrepreter_config=recording)
    text = allocations(interpreter)
    found = {part: int(size) for part, size in re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", text)}
    inputs = [np.load(path, mmap_mode="r", allow_pickle=False) for path in arguments.input]
    results: list[list[Any]] = [[] for _ in arguments.output]
    for example in range(len(inputs[0]) if inputs else 0):
        for index, array in enumerate(inputs):
            shape = interpreter.get_input_details(index)["shape"]
            interpreter.set_input(np.ascontiguousarray(array[example]).reshape(shape), index)
        interpreter.invoke()
        for index, result in enumerate(results):
            result.append(interpreter.get_output(index).copy())
    for path, result in zip(arguments.output, results, strict=True):
        np.save(path, np.stack(result), allow_pickle=False)
    return {"arena": found}


def main() -> int:
    """Print the result between markers; exit 0, or 1 with {"error": …, "kind": …} as the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--input", action="append", default=[])
    parser.add_argument("--output", action="append", default=[])
    status = 0
    try:
        result = run(parser.parse_args())
    except ImportError as error:
        status, result = 1, {"error": f"tflite-micro cannot be imported: {error}", "kind": "runtime"}
    except Exception as error:
        status, result = 1, {"error": " ".join(str(error).split())[:300] or type(error).__name__, "kind": "model"}
    print(f"EDGEPACK-RESULT\n{json.dumps(result)}\nEDGEPACK-END", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
