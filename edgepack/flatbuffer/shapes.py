"""Shapes of tensors that the file leaves open, computed from the inputs' shapes with a batch of 1.

A converter writes 1 for every dimension it does not know. Where only the batch is unknown that is right, but not behind
SPACE_TO_BATCH_ND, TRANSPOSE_CONV, or a resize to a computed size: runtimes compute those shapes when they allocate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgepack.flatbuffer.evaluate import FAILURES, RULES, Options, number, strided_slice
from edgepack.flatbuffer.model import Array, Operator, Subgraph, Tensor

Shape = tuple[int, ...]
_SMALL = 64  # elements of the constants that shapes are computed from
_INTEGERS = ("int32", "int64")


@dataclass(frozen=True)
class _Operands:
    """An operator's inputs: their shapes (None where left out) and what is known of their values."""

    shapes: Sequence[Shape]
    values: Sequence[Array | None]
    options: Options

    def integers(self, index: int) -> list[int]:
        """A known input as integers. Raises ValueError when it is not known."""
        value = self.values[index] if index < len(self.values) else None
        if value is None:
            raise ValueError("not known")
        return [int(item) for item in value.reshape(-1)]


def resolve_shapes(graph: Subgraph) -> Subgraph:
    """The subgraph with the shapes that its operators compute, where the file says they may vary; others stay."""
    if not any(-1 in tensor.shape_signature for tensor in graph.tensors):
        return graph
    tensors = list(graph.tensors)
    known: dict[int, Array] = {
        tensor.index: tensor.data for tensor in tensors if tensor.data is not None and tensor.data.size <= _SMALL
    }
    for operator in graph.operators:
        operands = _Operands(
            [tensors[index].shape if index >= 0 else () for index in operator.inputs],
            [known.get(index) for index in operator.inputs],
            operator.options,
        )
        for index, shape in zip(operator.outputs, _shapes(operator, operands, len(operator.outputs)), strict=False):
            if -1 in tensors[index].shape_signature and all(extent > 0 for extent in shape):
                tensors[index] = replace(tensors[index], shape=tuple(int(extent) for extent in shape))
        value = _value(operator, operands, tensors)
        if value is not None:
            known[operator.outputs[0]] = value
    return replace(graph, tensors=tuple(tensors))


def _value(operator: Operator, operands: _Operands, tensors: Sequence[Tensor]) -> Array | None:
    """The result of shape arithmetic, None when it is not known."""
    if len(operator.outputs) != 1 or tensors[operator.outputs[0]].dtype not in _INTEGERS:
        return None
    dtype = tensors[operator.outputs[0]].dtype
    if operator.name == "SHAPE" and operands.shapes:
        return np.array(operands.shapes[0], dtype)
    values = [value for value in operands.values if value is not None]
    if operator.name not in RULES or len(values) != len(operands.values):
        return None
    try:
        result = np.asarray(RULES[operator.name](values, operator.options)).astype(dtype)
        shape = _shapes(operator, operands, 1)
        return result.reshape(shape[0]) if operator.name in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS") and shape else result
    except FAILURES:
        return None


def _shapes(operator: Operator, operands: _Operands, outputs: int) -> list[Shape]:
    """The outputs' shapes, none when they cannot be told."""
    if operator.name in _SAME and operands.shapes:
        return [operands.shapes[0]]
    rule = _RULES.get(operator.name)
    if rule is None:
        return []
    try:
        return [rule(operands)] * (outputs if operator.name in ("SPLIT", "UNPACK") else 1)
    except FAILURES:
        return []


def _reshape(o: _Operands) -> Shape:
    wanted = o.integers(1) if len(o.shapes) > 1 else [int(str(n)) for n in _sequence(o.options.get("new_shape"))]
    rest = math.prod(extent for extent in wanted if extent != -1)
    return tuple(math.prod(o.shapes[0]) // rest if extent == -1 else extent for extent in wanted)


def _sequence(option: object) -> Sequence[object]:
    return list(option) if isinstance(option, (tuple, list)) else []


def _squeeze(o: _Operands) -> Shape:
    shape = o.shapes[0]
    axes = {int(str(axis)) % len(shape) for axis in _sequence(o.options.get("squeeze_dims"))}
    return tuple(extent for axis, extent in enumerate(shape) if not (axis in axes or (not axes and extent == 1)))


def _expand(o: _Operands) -> Shape:
    axis = o.integers(1)[0]
    shape = list(o.shapes[0])
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, 1)
    return tuple(shape)


def _window(o: _Operands, height: int, width: int, channels: int) -> Shape:
    extents = []
    for axis, (size, letter) in enumerate(((height, "h"), (width, "w"))):
        effective = (size - 1) * number(o.options, f"dilation_{letter}_factor", 1) + 1
        stride, extent = number(o.options, f"stride_{letter}", 1), o.shapes[0][1 + axis]
        extents.append(-(-extent // stride) if o.options.get("padding") == "SAME" else (extent - effective + stride) // stride)
    return (o.shapes[0][0], *extents, channels)


def _pool(o: _Operands) -> Shape:
    return _window(o, number(o.options, "filter_height"), number(o.options, "filter_width"), o.shapes[0][3])


def _fully_connected(o: _Operands) -> Shape:
    rows, columns = o.shapes[1]
    if o.options.get("keep_num_dims"):
        return (*o.shapes[0][:-1], rows)
    return (math.prod(o.shapes[0]) // columns, rows)


def _space_to_batch(o: _Operands) -> Shape:
    blocks, pads, shape = o.integers(1), o.integers(2), o.shapes[0]
    spatial = [(shape[1 + i] + pads[2 * i] + pads[2 * i + 1]) // block for i, block in enumerate(blocks)]
    return (shape[0] * math.prod(blocks), *spatial, *shape[1 + len(blocks) :])


def _batch_to_space(o: _Operands) -> Shape:
    blocks, crops, shape = o.integers(1), o.integers(2), o.shapes[0]
    spatial = [shape[1 + i] * block - crops[2 * i] - crops[2 * i + 1] for i, block in enumerate(blocks)]
    return (shape[0] // math.prod(blocks), *spatial, *shape[1 + len(blocks) :])


def _blocks(o: _Operands, deeper: bool) -> Shape:
    block, (batches, height, width, channels) = number(o.options, "block_size"), o.shapes[0]
    if deeper:
        return (batches, height // block, width // block, channels * block * block)
    return (batches, height * block, width * block, channels // (block * block))


def _pad(o: _Operands) -> Shape:
    amounts = o.integers(1)
    return tuple(extent + amounts[2 * axis] + amounts[2 * axis + 1] for axis, extent in enumerate(o.shapes[0]))


def _concatenation(o: _Operands) -> Shape:
    axis = number(o.options, "axis") % len(o.shapes[0])
    return tuple(sum(s[i] for s in o.shapes) if i == axis else extent for i, extent in enumerate(o.shapes[0]))


def _pack(o: _Operands) -> Shape:
    shape = list(o.shapes[0])
    axis = number(o.options, "axis")
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, len(o.shapes))
    return tuple(shape)


def _unpack(o: _Operands) -> Shape:
    axis = number(o.options, "axis") % len(o.shapes[0])
    return tuple(extent for i, extent in enumerate(o.shapes[0]) if i != axis)


def _split(o: _Operands) -> Shape:
    shape, axis = o.shapes[1], o.integers(0)[0] % len(o.shapes[1])
    return tuple(extent // number(o.options, "num_splits", 1) if i == axis else extent for i, extent in enumerate(shape))


def _slice(o: _Operands) -> Shape:
    begin, size = o.integers(1), o.integers(2)
    return tuple(n - b if s < 0 else s for n, b, s in zip(o.shapes[0], begin, size, strict=True))


def _strided_slice(o: _Operands) -> Shape:
    begin, end, strides = (np.array(o.integers(index)) for index in (1, 2, 3))
    return strided_slice(np.broadcast_to(np.int8(0), o.shapes[0]), begin, end, strides, o.options).shape


def _reduced(o: _Operands, keep: object) -> Shape:
    axes = {axis % len(o.shapes[0]) for axis in o.integers(1)}
    return tuple(1 if axis in axes else extent for axis, extent in enumerate(o.shapes[0]) if keep or axis not in axes)


def _matmul(o: _Operands) -> Shape:
    first, second = o.shapes[0], o.shapes[1]
    rows = first[-1] if o.options.get("adj_x") else first[-2]
    columns = second[-2] if o.options.get("adj_y") else second[-1]
    return (*np.broadcast_shapes(first[:-2], second[:-2]), rows, columns)


def _gather(o: _Operands) -> Shape:
    axis = number(o.options, "axis") % len(o.shapes[0])
    return (*o.shapes[0][:axis], *o.shapes[1][number(o.options, "batch_dims") :], *o.shapes[0][axis + 1 :])


_SAME = frozenset(
    """
    ABS CAST CEIL COS DEQUANTIZE ELU EXP FLOOR GELU HARD_SWISH LEAKY_RELU LOG LOGICAL_NOT LOGISTIC LOG_SOFTMAX NEG QUANTIZE
    RELU RELU6 RELU_N1_TO_1 REVERSE_V2 ROUND RSQRT SIN SOFTMAX SQRT SQUARE TANH ZEROS_LIKE PRELU L2_NORMALIZATION
    """.split()  # noqa: SIM905
)
_BROADCAST = """
    ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE EQUAL NOT_EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND
    LOGICAL_OR SELECT_V2 FLOOR_DIV FLOOR_MOD ADD_N
""".split()  # noqa: SIM905
_RULES: dict[str, Callable[[_Operands], Shape]] = {
    **dict.fromkeys(_BROADCAST, lambda o: np.broadcast_shapes(*o.shapes)),
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), lambda o: _reduced(o, o.options.get("keep_dims"))),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), lambda o: _reduced(o, False)),
    **dict.fromkeys(("PAD", "PADV2"), _pad),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D"), _pool),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), lambda o: (o.shapes[0][0], *o.integers(1), o.shapes[0][3])),
    "CONV_2D": lambda o: _window(o, o.shapes[1][1], o.shapes[1][2], o.shapes[1][0]),
    "DEPTHWISE_CONV_2D": lambda o: _window(o, o.shapes[1][1], o.shapes[1][2], o.shapes[1][3]),
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": lambda o: tuple(o.integers(0)),
    "RESHAPE": _reshape,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand,
    "SPACE_TO_BATCH_ND": _space_to_batch,
    "BATCH_TO_SPACE_ND": _batch_to_space,
    "SPACE_TO_DEPTH": lambda o: _blocks(o, True),
    "DEPTH_TO_SPACE": lambda o: _blocks(o, False),
    "CONCATENATION": _concatenation,
    "PACK": _pack,
    "UNPACK": _unpack,
    "SPLIT": _split,
    "SLICE": _slice,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": lambda o: tuple(o.shapes[0][axis] for axis in o.integers(1)),
    "TILE": lambda o: tuple(n * times for n, times in zip(o.shapes[0], o.integers(1), strict=True)),
    "BROADCAST_TO": lambda o: tuple(o.integers(1)),
    "FILL": lambda o: tuple(o.integers(0)),
    "SHAPE": lambda o: (len(o.shapes[0]),),
    "BATCH_MATMUL": _matmul,
    "GATHER": _gather,
}
