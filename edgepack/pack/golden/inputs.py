"""Which inputs golden vectors have: some of the data, extremes, and random values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepack.flatbuffer import Model, Tensor, refuse_compiled
from edgepack.flatbuffer.model import Array
from edgepack.ground.errors import DataError, ModelError
from edgepack.runners import quantize
from edgepack.sources import Examples

FROM_DATA = 16
MAX_BYTES = 4 << 20
"""Inputs and outputs together; a model with large tensors gets fewer vectors."""

SEED = 20_240_229


@dataclass(frozen=True)
class GoldenInputs:
    """Chosen inputs: for each input of the model an array (count, *shape without a leading 1) in the model's own type."""

    arrays: tuple[Array, ...]
    origins: tuple[str, ...]


def choose_golden_inputs(model: Model, samples: Sequence[Examples] = (), count: int = FROM_DATA) -> GoldenInputs:
    """Inputs that exercise a model: `count` of the real-valued `samples` (one array an input), extremes, and random values.

    The same model and samples give the same inputs. Integers that are not quantized (token numbers) may be indices, so they
    take values of the samples only, or 0.

    Raises:
        DataError: EP-390 when the samples do not fit the model.
        ModelError: EP-253 for an input or output of a type that has no fixed size; EP-211 for a file that an accelerator's
            compiler wrote, which no engine runs.
    """
    refuse_compiled(model)
    graph = model.subgraphs[0]
    tensors = [graph.tensors[index] for index in graph.inputs]
    for tensor in (*tensors, *(graph.tensors[index] for index in graph.outputs)):
        if tensor.dtype not in _NUMERIC:
            raise ModelError(
                "EP-253",
                f"tensor '{tensor.name}' is of type {tensor.dtype}: golden vectors need numbers",
                "convert the model with numeric inputs and outputs",
            )
    if samples and len(samples) != len(tensors):
        raise DataError("EP-390", f"the data has {len(samples)} inputs, the model {len(tensors)}", "give one array an input")
    size = sum(tensor.nbytes for tensor in tensors) + sum(graph.tensors[index].nbytes for index in graph.outputs)
    room = max(4, MAX_BYTES // max(size, 1))
    random = np.random.default_rng(SEED)
    columns: list[Examples | None] = [None] * len(tensors)
    if samples:
        columns = [_fitting(tensor, array) for tensor, array in zip(tensors, samples, strict=True)]
    available = min((len(column) for column in columns if column is not None), default=0)
    wanted = min(count, available, room)
    picked = np.sort(random.choice(available, wanted, replace=False)) if wanted else np.empty(0, np.int64)
    made = [_made(tensor, column, random)[: max(room - wanted, 2)] for tensor, column in zip(tensors, columns, strict=True)]
    arrays = []
    for tensor, column, extra in zip(tensors, columns, made, strict=True):
        parts = [] if column is None else [_stored(tensor, np.asarray(column[picked]))]
        arrays.append(np.concatenate([*parts, np.stack(extra)]))
    return GoldenInputs(tuple(arrays), (*(f"sample {index}" for index in picked), *_ORIGINS[: len(made[0]) if made else 0]))


_NUMERIC = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "bool")
_ORIGINS = ("lowest", "highest", "zero", "alternating", "random 0", "random 1", "random 2", "random 3")


def _fitting(tensor: Tensor, array: Examples) -> Examples:
    """`array` as (vectors, *shape without a leading 1)."""
    shape = _vector_shape(tensor)
    size = int(np.prod(shape, dtype=np.int64))
    each = int(np.prod(array.shape[1:], dtype=np.int64))
    if each == 0 or size % each:
        raise DataError(
            "EP-390",
            f"the data's examples have shape {list(array.shape[1:])}, input '{tensor.name}' takes {list(shape)}",
            "check the data and its preprocessing against the model",
        )
    group = size // each
    found: Examples = array[: len(array) // group * group].reshape((len(array) // group, *shape))
    return found


def _vector_shape(tensor: Tensor) -> tuple[int, ...]:
    return tensor.shape[1:] if tensor.shape[:1] == (1,) else tensor.shape


def _stored(tensor: Tensor, values: Array) -> Array:
    """Real values as the model's integers."""
    quantization = tensor.quantization
    scale, zero_point = (quantization.scales[0], quantization.zero_points[0]) if quantization else (0.0, 0)
    return quantize(values, scale, zero_point, tensor.dtype)


def _made(tensor: Tensor, column: Examples | None, random: np.random.Generator) -> list[Array]:
    """The vectors of `_ORIGINS` for one input."""
    shape, dtype = _vector_shape(tensor), np.dtype(tensor.dtype)
    if dtype.kind in "iub" and tensor.quantization is None:
        return [np.zeros(shape, dtype)] * len(_ORIGINS)
    noise: list[Array]
    low: float
    high: float
    if dtype.kind == "f":
        first = None if column is None or not len(column) else np.asarray(column[:64])
        low, high = (-1.0, 1.0) if first is None else (float(first.min()), float(first.max()))
        zero, noise = 0, [random.uniform(low, high, shape) for _ in range(4)]
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        zero = tensor.quantization.zero_points[0] if tensor.quantization else 0
        noise = [random.integers(low, high, shape, endpoint=True) for _ in range(4)]
    alternating = np.where(np.arange(int(np.prod(shape, dtype=np.int64))) % 2, high, low).reshape(shape)
    values = [np.full(shape, low), np.full(shape, high), np.full(shape, zero), alternating, *noise]
    return [np.asarray(value).astype(dtype) for value in values]


def last_inputs(inputs: GoldenInputs, count: int) -> GoldenInputs:
    """The last `count` vectors, which are random ones: few enough to be part of an example."""
    return GoldenInputs(tuple(array[-count:] for array in inputs.arrays), inputs.origins[-count:])
