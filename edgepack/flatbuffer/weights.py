"""What a constant tensor's values look like: how many are zero, how many differ, how many bits they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.flatbuffer.model import Array, Quantization, Tensor


@dataclass(frozen=True)
class Statistics:
    """Values of one or several constant tensors.

    `zeros` are elements whose real value is 0 (stored value equal to the zero point). `distinct` counts stored values over
    the whole tensor, `distinct_per_channel` the most in any one channel of a per-channel tensor. `entropy` is Shannon's,
    of the stored values without context, in bits per weight: no code that treats weights one by one can be shorter.
    """

    elements: int
    zeros: int
    distinct: int
    distinct_per_channel: int
    entropy: float


EMPTY = Statistics(0, 0, 0, 0, 0.0)


def is_parameter(tensor: Tensor) -> bool:
    """Whether a constant was learnt: quantized or floating, unlike the shapes and axes that some operators take."""
    if tensor.data is None or tensor.dtype in ("string", "bool"):
        return False
    return tensor.quantization is not None or tensor.dtype not in ("int32", "int64", "uint32", "uint64")


def statistics(tensors: Sequence[Tensor]) -> Statistics:
    """Statistics of the constants `tensors` taken together; they should be of one type."""
    dense = [tensor for tensor in tensors if tensor.data is not None and not tensor.sparse and tensor.data.size]
    if not dense:
        return EMPTY
    values = np.concatenate([_codes(tensor.data) for tensor in dense if tensor.data is not None])
    counts = _counts(values)
    return Statistics(
        elements=values.size,
        zeros=sum(_zeros(tensor) for tensor in dense),
        distinct=counts.size,
        distinct_per_channel=max(_distinct_per_channel(tensor) for tensor in dense),
        entropy=_entropy(counts),
    )


def _codes(data: Array) -> Array:
    """Stored values as a flat array of integers; floats by their bit patterns."""
    flat = np.ascontiguousarray(data).reshape(-1)
    if flat.dtype.kind in "iub":
        return flat
    return flat.view(f"u{flat.dtype.itemsize}") if flat.dtype.itemsize <= 8 else flat.view("u8")


def _counts(codes: Array) -> Array:
    """How often each value occurs, in no particular order."""
    if codes.dtype.itemsize <= 2:
        counts = np.bincount(codes.view(f"u{codes.dtype.itemsize}"))
        return counts[counts > 0]
    return np.asarray(np.unique(codes, return_counts=True)[1])


def _entropy(counts: Array) -> float:
    probability = counts / counts.sum()
    return max(0.0, float(-(probability * np.log2(probability)).sum()))


def _zeros(tensor: Tensor) -> int:
    data, quantization = tensor.data, tensor.quantization
    if data is None:
        return 0
    if quantization is None or data.dtype.kind == "f":
        return int(data.size - np.count_nonzero(data))
    return int((data == _zero_points(quantization, data.ndim)).sum())


def _zero_points(quantization: Quantization, rank: int) -> Array:
    """Zero points shaped to broadcast against the tensor."""
    if not quantization.per_channel:
        return np.array(quantization.zero_points[0])
    shape = [1] * rank
    shape[quantization.axis] = -1
    return np.array(quantization.zero_points).reshape(shape)


def _distinct_per_channel(tensor: Tensor) -> int:
    data, quantization = tensor.data, tensor.quantization
    if data is None:
        return 0
    if quantization is None or not quantization.per_channel:
        return int(_counts(_codes(data)).size)
    rows = np.sort(np.moveaxis(data, quantization.axis, 0).reshape(data.shape[quantization.axis], -1), axis=1)
    return int((np.diff(rows, axis=1) != 0).sum(axis=1).max()) + 1
