"""A process that runs models on a TFLite runtime: one pickled request in, one pickled answer out, until stdin ends.

A request is (engine, model bytes, list of input tuples); the answer is a list of output tuples, or an error text. tflite-runtime
cannot share a process with TensorFlow, and tflite-micro may abort, so neither runs inside the tests.
"""

from __future__ import annotations

import importlib
import os
import pickle
import struct
import sys
from typing import Any, BinaryIO


def run(engine: str, model: bytes, sets: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The model's outputs for each set of inputs, on "tflite-ref", "litert-ref" (both BUILTIN_REF) or "tflite-micro"."""
    if engine == "tflite-micro":
        from tflite_micro.python.tflite_micro import runtime

        interpreter = runtime.Interpreter.from_bytes(model, arena_size=4_000_000)
        results = []
        for inputs in sets:
            for index, array in enumerate(inputs):
                interpreter.set_input(array, index)
            interpreter.invoke()
            count = interpreter_outputs(interpreter)
            results.append(tuple(interpreter.get_output(index).copy() for index in range(count)))
        return results
    package = "tflite_runtime" if engine == "tflite-ref" else "ai_edge_litert"
    module = importlib.import_module(f"{package}.interpreter")
    Interpreter, OpResolverType = module.Interpreter, module.OpResolverType

    reference = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    reference.allocate_tensors()
    input_details, output_details = reference.get_input_details(), reference.get_output_details()
    results = []
    for inputs in sets:
        for detail, array in zip(input_details, inputs, strict=True):
            reference.set_tensor(detail["index"], array)
        reference.invoke()
        results.append(tuple(reference.get_tensor(detail["index"]) for detail in output_details))
    return results


def interpreter_outputs(interpreter: Any) -> int:
    """How many outputs a tflite-micro interpreter has: it only says so by refusing."""
    count = 0
    while count < 64:
        try:
            interpreter.get_output_details(count)
        except Exception:
            break
        count += 1
    return count


def receive(stream: BinaryIO) -> Any:
    """One pickled object, or None at the end."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    return pickle.loads(stream.read(struct.unpack("<Q", head)[0]))


def send(stream: BinaryIO, item: Any) -> None:
    """Write one pickled object, length first."""
    data = pickle.dumps(item, protocol=5)
    stream.write(struct.pack("<Q", len(data)) + data)
    stream.flush()


def main() -> None:
    """Serve requests; the runtimes' own prints to stdout go to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (request := receive(sys.stdin.buffer)) is not None:
        try:
            answer: Any = run(*request)
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        send(answers, answer)


if __name__ == "__main__":
    main()
