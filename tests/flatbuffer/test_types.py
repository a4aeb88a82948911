"""The tables of element types, against NumPy's and the C library's knowledge of them."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from edgepack.flatbuffer.schema import enumeration
from edgepack.flatbuffer.types import C_TYPES, DTYPE_BITS, INTEGER_RANGE, dtype_bytes

CTYPES = {"float": ctypes.c_float, "double": ctypes.c_double}


@pytest.mark.parametrize("dtype", sorted(set(DTYPE_BITS) - {"int4", "bfloat16"}))
def test_sizes_are_numpys(dtype: str) -> None:
    assert dtype_bytes(dtype) == np.dtype(dtype).itemsize and DTYPE_BITS[dtype] == 8 * np.dtype(dtype).itemsize


@pytest.mark.parametrize("dtype", sorted(set(INTEGER_RANGE) - {"int4"}))
def test_ranges_are_numpys(dtype: str) -> None:
    assert INTEGER_RANGE[dtype] == (np.iinfo(dtype).min, np.iinfo(dtype).max)


@pytest.mark.parametrize("dtype", sorted(C_TYPES))
def test_c_types_have_the_elements_size_and_kind(dtype: str) -> None:
    name = C_TYPES[dtype]
    kind = CTYPES.get(name) or getattr(ctypes, f"c_{name.removesuffix('_t')}")
    known = np.dtype(kind)
    assert known.itemsize == np.dtype(dtype).itemsize
    assert known.kind == ("u" if dtype == "bool" else np.dtype(dtype).kind)


def test_every_type_is_one_of_the_schema() -> None:
    schema = {name.lower() for name in enumeration("TensorType").values()}
    assert set(DTYPE_BITS) <= schema and set(INTEGER_RANGE) | set(C_TYPES) <= set(DTYPE_BITS)
