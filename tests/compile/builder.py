"""Build .tflite models of any operators, shapes, scales and zero points in milliseconds, without TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int16": schema.TensorType.INT16,
    "int32": schema.TensorType.INT32,
    "int64": schema.TensorType.INT64,
    "uint8": schema.TensorType.UINT8,
    "bool": schema.TensorType.BOOL,
    "resource": schema.TensorType.RESOURCE,
}
ACTIVATIONS = {name: getattr(schema.ActivationFunctionType, name) for name in ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")}
PADDINGS = {"SAME": schema.Padding.SAME, "VALID": schema.Padding.VALID}


class ModelBuilder:
    """One subgraph, filled tensor by tensor and operator by operator.

    >>> b = ModelBuilder()
    >>> x = b.tensor((1, 4), scale=0.1)
    >>> y = b.tensor((1, 4), scale=1 / 256, zero_point=-128)
    >>> b.operator("SOFTMAX", [x], [y], "SoftmaxOptions", beta=1.0)
    >>> model = b.finish([x], [y])
    """

    def __init__(self) -> None:
        self.tensors: list[Any] = []
        self.operators: list[Any] = []
        self.buffers: list[Any] = [schema.BufferT()]
        self.codes: list[tuple[int, int]] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] = 0,
        data: np.ndarray | None = None,
        axis: int = 0,
        name: str = "",
        signature: Sequence[int] | None = None,
        variable: bool = False,
    ) -> int:
        """Add a tensor and return its index; `data` makes it a constant, several scales make it per-channel."""
        tensor = schema.TensorT()
        tensor.name = name or f"layer_{len(self.tensors)}/out"
        tensor.shape = list(shape)
        tensor.shapeSignature = list(signature) if signature is not None else None
        tensor.type = TYPES[dtype]
        tensor.isVariable = variable
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data, dtype).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if scale is not None:
            quantization = schema.QuantizationParametersT()
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            quantization.scale = scales
            quantization.zeroPoint = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape).copy()
            quantization.quantizedDimension = axis
            tensor.quantization = quantization
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, data: np.ndarray, dtype: str = "int32", **quantization: Any) -> int:
        """Add a constant tensor."""
        return self.tensor(np.shape(data), dtype, data=np.asarray(data), **quantization)

    def operator(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: str = "",
        version: int = 1,
        intermediates: Sequence[int] = (),
        **fields: Any,
    ) -> None:
        """Add an operator; `options` names its table ("Conv2DOptions"), `fields` are the table's fields in camelCase.

        Enumerations may be given by name: padding="SAME", fusedActivationFunction="RELU".
        """
        code = (getattr(schema.BuiltinOperator, name), version)
        if code not in self.codes:
            self.codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.index(code)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        operator.intermediates = list(intermediates)
        if options:
            table = getattr(schema, f"{options}T")()
            for field, value in fields.items():
                assert hasattr(table, field), f"{options} has no field {field}"
                if field == "padding":
                    value = PADDINGS.get(value, value)
                elif field == "fusedActivationFunction":
                    value = ACTIVATIONS.get(value, value)
                setattr(table, field, value)
            operator.builtinOptions = table
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
        self.operators.append(operator)

    def subgraph(self, inputs: Sequence[int], outputs: Sequence[int], name: str = "main") -> Any:
        """What was added so far as a subgraph, leaving the builder empty for another."""
        graph = schema.SubGraphT()
        graph.name = name
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = list(inputs), list(outputs)
        self.tensors, self.operators = [], []
        return graph

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The .tflite file with one subgraph."""
        return self.finish_with([self.subgraph(inputs, outputs)])

    def finish_with(self, subgraphs: Sequence[Any]) -> bytes:
        """The .tflite file with these subgraphs, the main one first."""
        model = schema.ModelT()
        model.version = 3
        model.description = "built for a test"
        model.buffers = self.buffers
        model.operatorCodes = []
        for builtin, version in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = builtin
            code.deprecatedBuiltinCode = min(builtin, 127)
            code.version = version
            model.operatorCodes.append(code)
        model.subgraphs = list(subgraphs)
        packer = flatbuffers.Builder(4096)
        packer.Finish(model.Pack(packer), b"TFL3")
        return bytes(packer.Output())


def random_inputs(
    shapes: Mapping[str, tuple[tuple[int, ...], str]], count: int, rng: np.random.Generator
) -> list[tuple[np.ndarray, ...]]:
    """`count` sets of inputs: full range, and some near-constant ones that reach the clamps."""
    sets = []
    for index in range(count):
        arrays = []
        for shape, dtype in shapes.values():
            if dtype == "float32":
                arrays.append(rng.normal(0, 3, shape).astype(np.float32))
                continue
            if dtype == "bool":
                arrays.append(rng.integers(0, 2, shape).astype(bool))
                continue
            info = np.iinfo(dtype)
            low, high = (info.min, info.max) if index % 3 != 2 else (info.max - 3, info.max)
            arrays.append(rng.integers(low, high, shape, dtype, endpoint=True))
        sets.append(tuple(arrays))
    return sets
