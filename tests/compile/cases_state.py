"""Models with resource variables: streaming buffers, accumulators, reads and writes in every order."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.compile.builder import ModelBuilder
from tests.compile.cases import random_scale, random_zero


class Variables:
    """Resource variables of one model: handles, accesses, and the subgraph that initialises them."""

    def __init__(self, b: ModelBuilder) -> None:
        self.b = b
        self.initial: dict[str, tuple[np.ndarray, str, dict[str, Any]]] = {}
        self.call = False

    def start(self, initial: dict[str, tuple[np.ndarray, str, dict[str, Any]]]) -> None:
        """CALL_ONCE a subgraph that assigns these constants."""
        self.initial, self.call = initial, True
        self.b.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)

    def handle(self, name: str) -> int:
        """A new handle of a variable."""
        handle = self.b.tensor((), "resource")
        self.b.operator("VAR_HANDLE", [], [handle], "VarHandleOptions", container="", sharedName=name)
        return handle

    def read(self, name: str, shape: tuple[int, ...], dtype: str, **quantization: Any) -> int:
        """The variable's value."""
        value = self.b.tensor(shape, dtype, **quantization)
        self.b.operator("READ_VARIABLE", [self.handle(name)], [value], "ReadVariableOptions")
        return value

    def assign(self, name: str, value: int) -> None:
        """Give the variable a value."""
        self.b.operator("ASSIGN_VARIABLE", [self.handle(name), value], [], "AssignVariableOptions")

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        """The model with its initialising subgraph."""
        graphs = [self.b.subgraph(inputs, outputs)]
        if self.call:
            for name, (data, dtype, quantization) in self.initial.items():
                self.assign(name, self.b.constant(data, dtype, **quantization))
            graphs.append(self.b.subgraph([], [], "initialise"))
        return self.b.finish_with(graphs)


def stream(rng: np.random.Generator, dtype: str = "int8", initialised: bool = True) -> bytes:
    """Keep the last frames: READ, CONCATENATION with the new frame, STRIDED_SLICE, ASSIGN, and pool over all of them."""
    b = ModelBuilder()
    variables = Variables(b)
    frames, new, channels = int(rng.integers(1, 7)), int(rng.integers(1, 4)), int(rng.integers(1, 20))
    quantization: dict[str, Any] = {"scale": random_scale(rng), "zero_point": random_zero(rng) if dtype == "int8" else 0}
    old_shape, all_shape = (1, frames, 1, channels), (1, frames + new, 1, channels)
    if initialised:
        data = rng.integers(-128, 128, old_shape)
        variables.start({"frames": (data, dtype, quantization)})
    x = b.tensor((1, new, 1, channels), dtype, **quantization)
    old = variables.read("frames", old_shape, dtype, **quantization)
    joined = b.tensor(all_shape, dtype, **quantization)
    rest = b.tensor(old_shape, dtype, **quantization)
    y = b.tensor((1, 1, 1, channels), dtype, **quantization)
    b.operator("CONCATENATION", [old, x], [joined], "ConcatenationOptions", version=2, axis=1)
    positions = [b.constant(np.array(each)) for each in ([0, new, 0, 0], all_shape, [1, 1, 1, 1])]
    b.operator("STRIDED_SLICE", [joined, *positions], [rest], "StridedSliceOptions", version=2)
    variables.assign("frames", rest)
    pool = {"padding": "VALID", "strideH": 1, "strideW": 1, "filterHeight": frames + new, "filterWidth": 1}
    b.operator("AVERAGE_POOL_2D", [joined], [y], "Pool2DOptions", version=2, **pool)
    return variables.finish([x], [y])


def accumulate(rng: np.random.Generator) -> bytes:
    """Two variables, read and assigned in random order, one or both of them outputs, some values used after an assignment."""
    b = ModelBuilder()
    variables = Variables(b)
    shape = tuple(int(n) for n in rng.integers(1, 6, int(rng.integers(1, 4))))
    quantization: dict[str, Any] = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    variables.start({name: (rng.integers(-128, 128, shape), "int8", quantization) for name in ("a", "b")})
    x = b.tensor(shape, **quantization)
    values, outputs = [x], []
    for _ in range(int(rng.integers(4, 10))):
        name, choice = str(rng.choice(["a", "b"])), rng.random()
        if choice < 0.35:
            values.append(variables.read(name, shape, "int8", **quantization))
        elif choice < 0.65:
            variables.assign(name, int(rng.choice(values)))
        elif choice < 0.8:
            reshaped = b.tensor(shape, **quantization)
            b.operator("RESHAPE", [int(rng.choice(values)), b.constant(np.array(shape))], [reshaped], "ReshapeOptions")
            values.append(reshaped)
        else:
            total = b.tensor(shape, **quantization)
            b.operator("ADD", [int(rng.choice(values)), int(rng.choice(values))], [total], "AddOptions", version=2)
            values.append(total)
    for name in ("a", "b"):
        values.append(variables.read(name, shape, "int8", **quantization))
    last = b.tensor(shape, **quantization)
    b.operator("MAXIMUM", [values[-1], values[-2]], [last], "MaximumMinimumOptions", version=2)
    outputs = [last, *(int(value) for value in rng.choice(values[1:], int(rng.integers(1, 3)), replace=False))]
    return variables.finish([x], outputs)


CASES = {
    "state_stream": stream,
    "state_stream_from_zero": lambda rng: stream(rng, initialised=False),
    "state_stream_int16": lambda rng: stream(rng, "int16"),
    "state_accumulate": accumulate,
}
ENGINES = {"state_stream_from_zero": "tflite-micro", "state_stream_int16": "tflite-micro"}
