"""What a .tflite file says, as plain data: tensors, operators and subgraphs with every index resolved and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from edgepack.flatbuffer.types import DTYPE_BITS

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Quantization:
    """Affine quantization, real = scale * (stored - zero_point).

    One scale and zero point for the whole tensor, or one each for every index along `axis`. Scales are the file's float32
    values, widened without change.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int

    @property
    def per_channel(self) -> bool:
        """Whether more than one scale applies."""
        return len(self.scales) > 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a subgraph.

    `shape_signature` has -1 where a dimension may vary; `shape` is what the file was converted with (1 in its place).
    `dtype` is the schema's name in lower case ("int8", "float32", "resource", ...). `data` is the constant content in the
    tensor's shape, or None for a tensor computed at run time; int4 is unpacked to int8, bfloat16 widened to float32, and a
    "string" tensor or a sparse one keeps its raw bytes as a flat uint8 array. `buffer` is the file's buffer index.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    data: Array | None
    quantization: Quantization | None
    is_variable: bool
    buffer: int = 0
    sparse: bool = False

    @property
    def elements(self) -> int:
        """Number of elements; 1 for a scalar."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def nbytes(self) -> int:
        """Bytes the dense tensor takes in memory or in the file: two int4 share a byte, resources and strings count 0."""
        return (self.elements * DTYPE_BITS.get(self.dtype, 0) + 7) // 8


@dataclass(frozen=True)
class Operator:
    """An operator of a subgraph; `inputs` has -1 where an optional input is absent.

    `options` are the fields of its options table by their schema names, enumerations as upper-case strings ("SAME",
    "RELU6"). A custom operator is named CUSTOM, with its own name in `custom_code` and its bytes in `custom_options`.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    options: dict[str, object]
    version: int
    custom_code: str = ""
    custom_options: bytes = b""


@dataclass(frozen=True)
class Subgraph:
    """Operators in execution order over tensors; `inputs` and `outputs` are tensor indices."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """A named entry point: argument name and tensor index, for inputs and outputs, in subgraph number `subgraph`."""

    key: str
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]
    subgraph: int


@dataclass(frozen=True)
class Model:
    """A checked .tflite file. `subgraphs[0]` is the main graph."""

    version: int
    description: str
    subgraphs: tuple[Subgraph, ...]
    metadata: dict[str, bytes]
    signatures: tuple[Signature, ...]
    size_bytes: int
    sha256: str
