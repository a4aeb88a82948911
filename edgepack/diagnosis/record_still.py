"""Runs a .tflite on some inputs and tells which of its tensors are the same for all of them.

A process of its own, as every runtime has (workers/worker.py). The job has `model` (a file), `inputs` (.npy files, real values,
one an input of the model), `count`, and `tensors`, by their numbers. The answer tells of each tensor whether it is the same for
every example, and whether it is 0 everywhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edgepack.diagnosis.record import open_watched, parameters, set_inputs


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Run; the answer is `found`, a pair of flags a tensor."""
    interpreter = open_watched(job["model"])
    inputs = [np.load(file, mmap_mode="r", allow_pickle=False) for file in job["inputs"]]
    details = {item["index"]: item for item in interpreter.get_tensor_details()}
    first: dict[int, Any] = {}
    still, zero = dict.fromkeys(job["tensors"], True), dict.fromkeys(job["tensors"], True)
    for row in range(job["count"]):
        set_inputs(interpreter, [np.asarray(array[row]) for array in inputs])
        interpreter.invoke()
        for index in job["tensors"]:
            values = interpreter.get_tensor(index)
            still[index] = still[index] and np.array_equal(first.setdefault(index, values), values)
            zero[index] = zero[index] and bool((values == parameters(details[index])[1]).all())
        print(row + 1, flush=True)
    return {"found": [[still[index], zero[index]] for index in job["tensors"]]}
