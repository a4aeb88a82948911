"""Tensors of a subgraph: types, shapes, constant content and quantization, each checked against the others."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from edgepack.flatbuffer.binary import Table
from edgepack.flatbuffer.model import Array, Quantization, Tensor
from edgepack.flatbuffer.options import NEWER_HINT
from edgepack.flatbuffer.schema import enumeration
from edgepack.flatbuffer.types import DTYPE_BITS, INTEGER_RANGE
from edgepack.ground.errors import ModelError

CONVERT_HINT = "convert the model again; if the converter wrote it so, inspect the layer with `edgepack inspect`"

MAX_BYTES = 2**31 - 1
"""Kernels index with int32, so no tensor may be larger."""

MAX_RANK = 32
"""TFLite kernels take at most 8 dimensions, numpy 32."""


class Buffers:
    """The file's constant data by index. Views of the file; unpacked int4 is kept, because tensors may share a buffer."""

    def __init__(self, tables: list[Table], data: bytes) -> None:
        self._data = data
        self._tables = tables
        self._unpacked: dict[int, Array] = {}

    def __len__(self) -> int:
        return len(self._tables)

    def raw(self, index: int) -> Array:
        """The bytes of buffer `index`, empty when it has none.

        Data may also follow the flatbuffer, at `offset` from the start of the file (files above 2 GB).
        """
        if not 0 <= index < len(self._tables):
            raise ModelError("EP-208", f"buffer {index} does not exist, the file has {len(self._tables)}", CONVERT_HINT)
        table = self._tables[index]
        inside = table.numbers("data")
        offset = table.number("offset")
        if offset <= 1:
            return np.empty(0, np.uint8) if inside is None else inside
        size = table.number("size")
        if offset + size > len(self._data):
            raise ModelError(
                "EP-206",
                f"buffer {index} is stored at byte {offset} and takes {size}, but the file ends at {len(self._data)}",
                "the file is truncated, or keeps its weights in another file; copy it again or convert it as one file",
            )
        return np.frombuffer(self._data, np.uint8, size, offset)

    def int4(self, index: int, elements: int) -> Array:
        """Buffer `index` as int8, unpacked from two's complement nibbles, the low one first."""
        unpacked = self._unpacked.get(index)
        if unpacked is None:
            packed = self.raw(index).view(np.int8)
            unpacked = np.empty(2 * packed.size, np.int8)
            unpacked[0::2] = (packed << 4) >> 4
            unpacked[1::2] = packed >> 4
            unpacked.flags.writeable = False
            self._unpacked[index] = unpacked
        return unpacked[:elements]


@cache
def _type_name(code: int) -> str:
    return enumeration("TensorType").get(code, "").lower()


def read_tensor(table: Table, index: int, buffers: Buffers) -> Tensor:
    """The tensor of a Tensor table.

    Raises:
        ModelError: EP-204 unknown type, EP-205 impossible shape, EP-206 content that does not fit it, EP-207 impossible
            quantization, EP-208 a buffer that does not exist.
    """
    name = table.text("name")
    label = f"tensor {index} '{shorten(name)}'"
    dtype = _type_name(table.number("type"))
    if not dtype:
        raise ModelError("EP-204", f"{label} has the unknown type {table.number('type')}", NEWER_HINT)
    shape = table.integers("shape")
    signature = _signature(label, shape, table.integers("shape_signature"))
    _check_shape(label, shape, dtype)
    is_variable = bool(table.number("is_variable"))
    buffer = table.number("buffer")
    sparse = table.child("sparsity") is not None
    data = _constant(label, dtype, shape, buffer, buffers, sparse)
    if is_variable and data is not None:
        raise ModelError("EP-206", f"{label} is a variable and has constant content", CONVERT_HINT)
    quantization = _quantization(label, table.child("quantization"), dtype, shape, data)
    return Tensor(index, name, shape, signature, dtype, data, quantization, is_variable, buffer, sparse)


def shorten(name: str, length: int = 80) -> str:
    """A tensor name that fits a message of one line."""
    printable = "".join(character if character.isprintable() else "?" for character in name[: length + 1])
    return printable if len(printable) <= length else printable[: length - 3] + "..."


def _signature(label: str, shape: tuple[int, ...], stored: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with -1 where the file lets a dimension vary.

    Only the -1 of the stored signature counts: tools that fix a model's batch size change the shape and leave the rest.
    """
    if not stored:
        return shape
    if len(stored) != len(shape) or min(stored) < -1:
        raise ModelError(
            "EP-205", f"{label} has shape {list(shape[:8])} but the shape signature {list(stored[:8])}", CONVERT_HINT
        )
    return tuple(-1 if varying == -1 else size for varying, size in zip(stored, shape, strict=True))


def _check_shape(label: str, shape: tuple[int, ...], dtype: str) -> None:
    if len(shape) > MAX_RANK:
        raise ModelError("EP-205", f"{label} has {len(shape)} dimensions", CONVERT_HINT)
    if any(size < 0 for size in shape):
        raise ModelError("EP-205", f"{label} has a negative dimension in its shape {list(shape)}", CONVERT_HINT)
    if math.prod(shape) * max(DTYPE_BITS.get(dtype, 8), 8) // 8 > MAX_BYTES:
        raise ModelError("EP-205", f"{label} of shape {list(shape)} and type {dtype} is larger than 2 GiB", CONVERT_HINT)


def _constant(label: str, dtype: str, shape: tuple[int, ...], buffer: int, buffers: Buffers, sparse: bool) -> Array | None:
    raw = buffers.raw(buffer)
    if raw.size == 0:
        return None
    if dtype in ("resource", "variant"):
        raise ModelError("EP-206", f"{label} is of type {dtype} and has constant content", CONVERT_HINT)
    if sparse or dtype == "string":
        return raw
    elements = math.prod(shape)
    expected = (elements * DTYPE_BITS[dtype] + 7) // 8
    if raw.size != expected:
        raise ModelError(
            "EP-206",
            f"{label} of shape {list(shape)} and type {dtype} takes {expected} bytes, its content has {raw.size}",
            CONVERT_HINT,
        )
    if dtype == "int4":
        return buffers.int4(buffer, elements).reshape(shape)
    if dtype == "bfloat16":
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    return raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)


def _quantization(label: str, table: Table | None, dtype: str, shape: tuple[int, ...], data: Array | None) -> Quantization | None:
    scales = None if table is None else table.numbers("scale")
    if table is None or scales is None or scales.size == 0:
        return None
    table.file.spend(scales.nbytes)
    zero_points = table.integers("zero_point")
    axis = table.number("quantized_dimension") if len(shape) > 1 else 0  # some converters give a bias that of its filters
    if scales.size > 1 and not (0 <= axis < len(shape) and shape[axis] == scales.size):
        raise ModelError(
            "EP-207",
            f"{label} has {scales.size} quantization scales along dimension {axis}, its shape is {list(shape)}",
            CONVERT_HINT,
        )
    if len(zero_points) not in (1, scales.size):
        raise ModelError(
            "EP-207", f"{label} has {scales.size} quantization scales and {len(zero_points)} zero points", CONVERT_HINT
        )
    low, high = INTEGER_RANGE.get(dtype, INTEGER_RANGE["int64"])
    if not all(low <= value <= high for value in zero_points):
        wrong = next(value for value in zero_points if not low <= value <= high)
        raise ModelError("EP-207", f"{label} of type {dtype} has the quantization zero point {wrong}", CONVERT_HINT)
    if len(zero_points) < scales.size:
        zero_points = zero_points * scales.size
    quantization = Quantization(tuple(scales.tolist()), zero_points, axis)
    if not ((scales > 0).all() and np.isfinite(scales).all()):
        _check_scales(label, table, quantization, data)
    return quantization


def _check_scales(label: str, table: Table, quantization: Quantization, data: Array | None) -> None:
    """Scales must be positive numbers, but for channels that are zero throughout.

    The converter's int16x8 scheme gives a channel without any weight (a pruned one) the scale 0; its values are 0 whatever
    the scale.
    """
    for channel, scale in enumerate(quantization.scales):
        if scale > 0 and math.isfinite(scale):
            continue
        if scale == 0 and data is not None and data.dtype.kind in "iu":
            values = data.take(channel, axis=quantization.axis) if quantization.per_channel else data
            table.file.spend(values.nbytes)
            if (values == quantization.zero_points[channel]).all():
                continue
        raise ModelError("EP-207", f"{label} has the impossible quantization scale {scale}", CONVERT_HINT)
