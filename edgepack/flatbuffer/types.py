"""Element types of tensors, by the names that the TFLite schema (in lower case) and NumPy share."""

from __future__ import annotations

DTYPE_BITS: dict[str, int] = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "complex64": 64, "complex128": 128,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "int4": 4,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "bool": 8,
}  # fmt: skip
"""Bits an element takes, for the types of fixed size."""

INTEGER_RANGE: dict[str, tuple[int, int]] = {
    **{f"int{bits}": (-(1 << bits - 1), (1 << bits - 1) - 1) for bits in (4, 8, 16, 32, 64)},
    **{f"uint{bits}": (0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
}
"""The least and the greatest value of an integer type."""

C_TYPES: dict[str, str] = {
    **{dtype: f"{dtype}_t" for dtype in INTEGER_RANGE if dtype != "int4"},
    "bool": "uint8_t",
    "float32": "float",
    "float64": "double",
}
"""The C type that holds an element; of a bool only 0 and 1."""


def dtype_bytes(dtype: str) -> int:
    """Bytes of an element of a type that has whole ones.

    >>> dtype_bytes("int16"), dtype_bytes("bool")
    (2, 1)
    """
    return DTYPE_BITS[dtype] // 8
