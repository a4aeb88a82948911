"""C text from Python values: names, numbers, arrays, initialisers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from edgepack.compile.call import Array, Decoded, Field
from edgepack.compile.graph import Data
from edgepack.flatbuffer.types import C_TYPES


def c_name(text: str) -> str:
    """A C identifier made of any text.

    >>> c_name("3d-net v2")
    'm3d_net_v2'
    """
    name = re.sub(r"\W", "_", text, flags=re.ASCII).lower()
    return name if name and not name[0].isdigit() else f"m{name}"


def number(value: int | float, dtype: str = "int32") -> str:
    """A literal of that type.

    >>> number(-2147483648), number(0.5, "float32"), number(3, "int64")
    ('(-2147483647 - 1)', '5.e-01f', '3LL')
    """
    if dtype == "float32":
        return f"{np.format_float_scientific(np.float32(value), unique=True)}f"
    whole = int(value)
    if dtype == "int64":
        return "(-9223372036854775807LL - 1)" if whole == -(1 << 63) else f"{whole}LL"
    if whole == -(1 << 31):
        return "(-2147483647 - 1)"
    return str(whole)


def numbers(data: Data, width: int = 120) -> str:
    """The elements, comma-separated, in lines of at most `width` characters."""
    text = ", ".join(_literals(data)) + ", "
    lines, start = [], 0
    while start < len(text) - 2:
        end = text.rfind(", ", start, start + width + 1)
        end = end if end >= 0 else text.index(", ", start)
        lines.append(text[start : end + 1])
        start = end + 2
    return "\n    ".join(lines).removesuffix(",")


def _literals(data: Data) -> list[str]:
    """Each element as a literal of its type. Weights are many and small, and need no thought."""
    if data.dtype in (np.int8, np.int16, np.uint8, np.uint16):
        return list(map(str, data.reshape(-1).tolist()))
    if data.dtype == np.uint32:
        return [f"{item}u" for item in data.reshape(-1).tolist()]
    dtype = "int64" if data.dtype == np.int64 else "float32" if data.dtype == np.float32 else "int32"
    return [number(item, dtype) for item in data.reshape(-1).tolist()]


def initialiser(fields: Mapping[str, Field], names: Mapping[int, str], indent: str = "    ", scratch: str = "") -> str:
    """A C99 designated initialiser.

    `names` maps id(Array) to the C array's name, `scratch` is the address of the call's scratch.
    """
    parts = []
    for member, value in fields.items():
        if value is None:
            text = "NULL"
        elif isinstance(value, Array):
            text = names[id(value)]
        elif isinstance(value, Decoded):
            text = f"(const {C_TYPES.get(value.dtype, f'{value.dtype}_t')} *)(const void *)({scratch} + {value.offset})"
        elif isinstance(value, Mapping):
            text = initialiser(value, names, indent + "    ", scratch)
        elif isinstance(value, tuple):
            text = "{" + ", ".join(number(item) for item in value) + "}"
        elif isinstance(value, float):
            text = number(value, "float32")
        else:
            text = number(value)
        parts.append(f".{member} = {text}")
    return "{\n" + "".join(f"{indent}{part},\n" for part in parts) + indent[:-4] + "}"
