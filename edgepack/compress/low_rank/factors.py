"""Kernels as products of smaller ones: singular values, separable convolutions, Tucker-2.

All are exact at full rank. The squared error of a truncation is the sum of the discarded squared singular values (Eckart and
Young 1936), for Tucker-2 at most the sum over both modes (De Lathauwer et al. 2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["svd", "spatial", "tucker"]
Array = NDArray[np.float64]

# Alternating least squares after the truncated higher-order SVD; more rounds change the error in the fourth digit.
_TUCKER_ROUNDS = 3


def spectra(kernel: NDArray[np.float32], method: Method) -> tuple[Array, ...]:
    """The squared singular values that each rank of a method truncates, the largest first: one array, for Tucker-2 two (input and
    output channels). `kernel` is in Keras' layout, its last axes (input, output).
    """
    return tuple(np.linalg.svd(matrix, compute_uv=False) ** 2 for matrix in _matrices(kernel, method))


def rank_for(squares: Array, energy: float) -> int:
    """The smallest rank that keeps this share of the energy, the sum of squared singular values; at least 1.

    >>> rank_for(np.array([8.0, 1.0, 1.0]), 0.9)
    2
    """
    total = float(squares.sum())
    if total == 0:
        return 1
    kept = np.cumsum(squares) / total
    return min(len(squares), 1 + int(np.searchsorted(kept, energy - 1e-12)))


def factors(kernel: NDArray[np.float32], method: Method, ranks: Sequence[int]) -> tuple[NDArray[np.float32], ...]:
    """The kernels, in Keras' layout, of the layers that together stand for a layer with `kernel`.

    "svd" (one rank): the same kernel with r outputs, then 1 x 1 (for a dense kernel, dense). "spatial" (one rank): height x 1,
    then 1 x width (Jaderberg et al. 2014, arXiv:1405.3866). "tucker" (two ranks): 1 x 1, a small kernel, 1 x 1 (Kim et al. 2016,
    arXiv:1511.06530). The singular values are shared evenly between the two sides, so that neither has a scale of its own.
    """
    if method == "tucker":
        return tuple(part.astype(np.float32) for part in _tucker(kernel.astype(np.float64), *ranks))
    (matrix,) = _matrices(kernel, method)
    (rank,) = ranks
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    root = np.sqrt(values[:rank])
    first, second = left[:, :rank] * root, root[:, None] * right[:rank]
    if method == "svd":
        ones = (1,) * (kernel.ndim - 2)
        parts = first.reshape(*kernel.shape[:-1], rank), second.reshape(*ones, rank, kernel.shape[-1])
    else:
        height, width, given, made = kernel.shape
        parts = first.reshape(height, 1, given, rank), second.reshape(rank, width, made).transpose(1, 0, 2)[None]
    return tuple(np.ascontiguousarray(part, dtype=np.float32) for part in parts)


def product(parts: Sequence[NDArray[np.float32]], method: Method) -> Array:
    """The kernel that factors stand for."""
    if method == "svd":
        return np.asarray(np.tensordot(parts[0].astype(np.float64), parts[1].reshape(parts[1].shape[-2:]), axes=1))
    if method == "spatial":
        return np.asarray(np.einsum("hcr,wrn->hwcn", parts[0][:, 0].astype(np.float64), parts[1][0]))
    return np.asarray(np.einsum("ca,hwab,bn->hwcn", parts[0][0, 0].astype(np.float64), parts[1], parts[2][0, 0]))


def _matrices(kernel: NDArray[np.float32], method: Method) -> tuple[Array, ...]:
    values = kernel.astype(np.float64)
    given, made = values.shape[-2:]
    if method == "svd":
        return (values.reshape(-1, made),)
    if method == "spatial":
        height, width = values.shape[:2]
        return (values.transpose(0, 2, 1, 3).reshape(height * given, width * made),)
    return np.moveaxis(values, -2, 0).reshape(given, -1), np.moveaxis(values, -1, 0).reshape(made, -1)


def _tucker(kernel: Array, first: int, last: int) -> tuple[Array, Array, Array]:
    """1 x 1 to `first` channels, the core, 1 x 1 from `last` channels; orthonormal outer factors."""
    outputs = _leading(np.moveaxis(kernel, -1, 0), last)
    for _ in range(_TUCKER_ROUNDS):
        inputs = _leading(np.moveaxis(kernel @ outputs, -2, 0), first)
        outputs = _leading(np.moveaxis(np.einsum("hwcn,ca->hwan", kernel, inputs), -1, 0), last)
    core = np.einsum("hwcn,ca,nb->hwab", kernel, inputs, outputs)
    return inputs[None, None], core, outputs.T[None, None]


def _leading(unfolded: Array, rank: int) -> Array:
    """The first left singular vectors of a tensor unfolded along its first axis."""
    left, _, _ = np.linalg.svd(unfolded.reshape(len(unfolded), -1), full_matrices=False)
    return np.ascontiguousarray(left[:, :rank])
