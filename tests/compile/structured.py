"""Weights of a .tflite made as compression leaves them, in place: zeros, few values, blocks; the file stays valid."""

from __future__ import annotations

import numpy as np

from edgepack.flatbuffer import read_model

KINDS = ("pruned", "clustered", "pruned and clustered", "ternary", "binary", "blocks", "sparse")


def structured(model: bytes, seed: int, kind: str | None = None) -> bytes:
    """The model with structure of one kind, or of another kind in each tensor, in its int8 constants of 64 values and more."""
    rng = np.random.default_rng(seed)
    changed = bytearray(model)
    base = np.frombuffer(changed, np.uint8)
    for tensor in read_model(model).subgraphs[0].tensors:
        if tensor.data is None or tensor.dtype != "int8" or tensor.data.size < 64:
            continue
        stored = np.ascontiguousarray(tensor.data).tobytes()
        at = model.find(len(stored).to_bytes(4, "little") + stored) + 4  # a vector's length stands before it
        assert at >= 4, tensor.name
        values = values_of(kind or str(rng.choice(KINDS)), np.frombuffer(stored, np.int8), rng)
        base[at : at + len(stored)] = values.view(np.uint8)
    return bytes(changed)


def skipping(model: bytes, seed: int, density: float, extreme: bool = False) -> bytes:
    """The model with such a share of its weights' blocks (four neighbours in a filter) left; `extreme`: of -128 and 127."""
    rng = np.random.default_rng(seed)
    changed = bytearray(model)
    base = np.frombuffer(changed, np.uint8)
    for tensor in read_model(model).subgraphs[0].tensors:
        if tensor.data is None or tensor.dtype != "int8" or tensor.data.ndim < 2:
            continue
        stored = np.ascontiguousarray(tensor.data).tobytes()
        at = model.find(len(stored).to_bytes(4, "little") + stored) + 4
        assert at >= 4, tensor.name
        filters = np.frombuffer(stored, np.int8).reshape(tensor.data.shape[0], -1)
        values = rng.choice([-128, 127], filters.shape) if extreme else filters
        size = filters.shape[1]
        kept = np.repeat(rng.random((len(filters), -(-size // 4))) < density, 4, axis=1)[:, :size]
        base[at : at + len(stored)] = np.where(kept, values, 0).astype(np.int8).reshape(-1).view(np.uint8)
    return bytes(changed)


def values_of(kind: str, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Values (int8, one row) with structure of a kind; "trained" are without any."""
    found = values.astype(np.int64)
    if kind == "trained":
        found = rng.normal(0, 30, values.size).round().clip(-127, 127)
    if kind in ("clustered", "pruned and clustered"):
        few = np.sort(rng.choice(np.arange(-127, 128), int(rng.integers(2, 33)), replace=False))
        found = few[np.abs(found[:, None] - few).argmin(axis=1)]
    if kind in ("pruned", "pruned and clustered"):
        found[rng.random(found.size) < rng.uniform(0.4, 0.9)] = 0
    if kind == "ternary":
        found = rng.choice([-90, 0, 77], found.size)
    if kind == "binary":
        found = rng.choice([-40, 41], found.size)
    if kind == "sparse":
        found[rng.random(found.size) < 0.95] = 0
    if kind == "blocks":
        zero = np.repeat(rng.random(-(-found.size // 4)) < 0.6, 4)[: found.size]
        found[zero] = 0
    return found.astype(np.int8)
