"""Small .tflite files for tests, written with the code flatc generated, so independent of edgepack's reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import flatbuffers
import numpy as np


def generated(table: str) -> Any:
    return import_module(f"tflite.{table}")


@dataclass
class T:
    """A tensor; `data` makes it constant, `raw` gives its buffer byte by byte."""

    name: str
    shape: Sequence[int] = (1,)
    dtype: str = "INT8"
    data: Any = None
    raw: bytes | None = None
    scales: Sequence[float] = ()
    zero_points: Sequence[int] | None = None
    axis: int = 0
    signature: Sequence[int] | None = None
    variable: bool = False
    buffer: int | None = None
    type_code: int | None = None


@dataclass
class O:  # noqa: E742
    """An operator; options by their generated names, such as {"StrideW": 2}."""

    name: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    intermediates: Sequence[int] = ()
    code_index: int | None = None
    custom: bytes = b""
    version: int = 2


@dataclass
class G:
    """A subgraph."""

    tensors: Sequence[T]
    operators: Sequence[O]
    inputs: Sequence[int]
    outputs: Sequence[int]
    name: str = "main"


def build(
    *graphs: G,
    version: int = 3,
    metadata: dict[str, bytes] | None = None,
    signature: tuple[str, dict[str, int], dict[str, int], int] | None = None,
    external: tuple[int, int, int] | None = None,
) -> bytes:
    """The file with these subgraphs; `external` = (buffer, offset, size) points a buffer outside the flatbuffer."""
    builder = flatbuffers.Builder(1024)
    contents: list[bytes] = [b""]
    codes: list[tuple[str, int]] = []
    subgraphs = [_graph(builder, graph, contents, codes) for graph in graphs]
    entries = []
    for name, content in (metadata or {}).items():
        text = builder.CreateString(name)
        entries.append(_table(builder, "Metadata", {"Name": text, "Buffer": len(contents)}))
        contents.append(content)
    fields = {
        "Version": version,
        "OperatorCodes": _offsets(builder, [_code(builder, name, number) for name, number in codes]),
        "Subgraphs": _offsets(builder, subgraphs),
        "Description": builder.CreateString("made for a test"),
        "Metadata": _offsets(builder, entries),
        "SignatureDefs": _offsets(builder, [_signature(builder, signature)] if signature else []),
    }
    buffers = []
    for index, content in enumerate(contents):
        if external and external[0] == index:
            buffers.append(_table(builder, "Buffer", {"Offset": external[1], "Size": external[2]}))
        else:
            buffers.append(_table(builder, "Buffer", {"Data": builder.CreateByteVector(content)} if content else {}))
    fields["Buffers"] = _offsets(builder, buffers)
    builder.Finish(_table(builder, "Model", fields), b"TFL3")
    return bytes(builder.Output())


def _graph(builder: Any, graph: G, contents: list[bytes], codes: list[tuple[str, int]]) -> int:
    tensors = _offsets(builder, [_tensor(builder, tensor, contents) for tensor in graph.tensors])
    operators = _offsets(builder, [_operator(builder, operator, codes) for operator in graph.operators])
    inputs, outputs = _numbers(builder, graph.inputs), _numbers(builder, graph.outputs)
    name = builder.CreateString(graph.name)
    fields = {"Tensors": tensors, "Operators": operators, "Inputs": inputs, "Outputs": outputs, "Name": name}
    return _table(builder, "SubGraph", fields)


def _tensor(builder: Any, tensor: T, contents: list[bytes]) -> int:
    raw = tensor.raw
    if tensor.data is not None:
        raw = np.asarray(tensor.data, dtype=tensor.dtype.lower()).tobytes()
    index = 0 if tensor.buffer is None else tensor.buffer
    if raw is not None:
        index = len(contents)
        contents.append(raw)
    code = getattr(generated("TensorType").TensorType, tensor.dtype) if tensor.type_code is None else tensor.type_code
    fields: dict[str, Any] = {
        "Name": builder.CreateString(tensor.name),
        "Shape": _numbers(builder, tensor.shape),
        "Type": code,
        "Buffer": index,
        "IsVariable": tensor.variable,
    }
    if tensor.signature is not None:
        fields["ShapeSignature"] = _numbers(builder, tensor.signature)
    if len(tensor.scales):
        zero_points = [0] * len(tensor.scales) if tensor.zero_points is None else tensor.zero_points
        quantization = {
            "Scale": builder.CreateNumpyVector(np.asarray(tensor.scales, "<f4")),
            "ZeroPoint": builder.CreateNumpyVector(np.asarray(zero_points, "<i8")),
            "QuantizedDimension": tensor.axis,
        }
        fields["Quantization"] = _table(builder, "QuantizationParameters", quantization)
    return _table(builder, "Tensor", fields)


def _operator(builder: Any, operator: O, codes: list[tuple[str, int]]) -> int:
    code = (operator.name, operator.version)
    if code not in codes:
        codes.append(code)
    fields: dict[str, Any] = {
        "OpcodeIndex": codes.index(code) if operator.code_index is None else operator.code_index,
        "Inputs": _numbers(builder, operator.inputs),
        "Outputs": _numbers(builder, operator.outputs),
        "Intermediates": _numbers(builder, operator.intermediates),
    }
    if operator.custom:
        fields["CustomOptions"] = builder.CreateByteVector(operator.custom)
    if operator.options:
        union = "BuiltinOptions"
        if not hasattr(generated("BuiltinOptions").BuiltinOptions, operator.options):
            union = "BuiltinOptions2"
        values = {
            name: builder.CreateString(value) if isinstance(value, str) else _vector_or_number(builder, value)
            for name, value in operator.values.items()
        }
        fields[f"{union}Type"] = getattr(getattr(generated(union), union), operator.options)
        fields[union] = _table(builder, operator.options, values)
    return _table(builder, "Operator", fields)


def _vector_or_number(builder: Any, value: Any) -> Any:
    return builder.CreateNumpyVector(value) if isinstance(value, np.ndarray) else value


def _code(builder: Any, name: str, version: int) -> int:
    if name.startswith("CUSTOM:"):
        text = builder.CreateString(name.removeprefix("CUSTOM:"))
        return _table(builder, "OperatorCode", {"DeprecatedBuiltinCode": 32, "BuiltinCode": 32, "CustomCode": text})
    code = int(name.removeprefix("#")) if name.startswith("#") else getattr(generated("BuiltinOperator").BuiltinOperator, name)
    return _table(builder, "OperatorCode", {"DeprecatedBuiltinCode": min(code, 127), "BuiltinCode": code, "Version": version})


def _signature(builder: Any, signature: tuple[str, dict[str, int], dict[str, int], int]) -> int:
    key, inputs, outputs, subgraph = signature

    def maps(arguments: dict[str, int]) -> int:
        tables = []
        for name, index in arguments.items():
            text = builder.CreateString(name)
            tables.append(_table(builder, "TensorMap", {"Name": text, "TensorIndex": index}))
        return _offsets(builder, tables)

    fields = {"Inputs": maps(inputs), "Outputs": maps(outputs), "SignatureKey": builder.CreateString(key)}
    return _table(builder, "SignatureDef", {**fields, "SubgraphIndex": subgraph})


def _table(builder: Any, kind: str, fields: dict[str, Any]) -> int:
    module = generated(kind)
    getattr(module, f"{kind}Start")(builder)
    for name, value in fields.items():
        getattr(module, f"{kind}Add{name}")(builder, value)
    return int(getattr(module, f"{kind}End")(builder))


def _numbers(builder: Any, values: Sequence[int]) -> int:
    return int(builder.CreateNumpyVector(np.asarray(values, "<i4")))


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def conv_model(**changes: Any) -> bytes:
    """Input 1x8x8x2, CONV_2D to 1x6x6x3 with 3x3 kernels, then RELU6; `changes` replace fields of tensor `kernel`."""
    rng = np.random.default_rng(0)
    kernel = {
        "shape": (3, 3, 3, 2),
        "data": rng.integers(-127, 128, (3, 3, 3, 2)),
        "scales": (0.5, 0.25, 0.125),
        "zero_points": (0, 0, 0),
    }
    tensors = [
        T("serving_default_image:0", (1, 8, 8, 2), scales=[0.1], zero_points=[-5], signature=(-1, 8, 8, 2)),
        T("model/stem/Conv2D", **{**kernel, **changes}),
        T("model/stem/BiasAdd", (3,), "INT32", [1, 2, 3], scales=(0.05, 0.025, 0.0125)),
        T("model/stem/BiasAdd;model/stem/Conv2D1", (1, 6, 6, 3), scales=[0.2], zero_points=[7], signature=(-1, 6, 6, 3)),
        T("StatefulPartitionedCall:0", (1, 6, 6, 3), scales=[0.2], zero_points=[7], signature=(-1, 6, 6, 3)),
    ]
    options = {"Padding": 1, "StrideW": 1, "StrideH": 1, "FusedActivationFunction": 1}
    operators = [O("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", options), O("RELU6", (3,), (4,))]
    signature = ("serving_default", {"image": 0}, {"relu6": 4}, 0)
    return build(G(tensors, operators, (0,), (4,)), metadata={"note": b"abc"}, signature=signature)
