"""Which type EP_SIZE is: that of extents and other small numbers in the kernels' structs (kernels/shared/ep_common.h)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from edgepack.compile.call import Field
from edgepack.compile.kernels import header_text

SHORT = range(-(1 << 15), 1 << 15)
DEFINITION = "#ifndef EP_SIZE\n#define EP_SIZE int32_t\n#endif\n"


def need_32_bits(headers: Iterable[str], structs: Iterable[Mapping[str, Field]]) -> bool:
    """Whether 16 bits are too few for a size in these structs."""
    names = {name for header in headers for name in _declared(header)}
    return any(value not in SHORT for fields in structs for value in _values(fields, names))


def _declared(header: str) -> list[str]:
    """The members of that type."""
    return [name for found in re.findall(r"\bEP_SIZE ([\w, ]+);", header_text(header)) for name in found.split(", ")]


def _values(fields: Mapping[str, Field], names: set[str]) -> Iterator[int]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _values(value, names)
        elif isinstance(value, int) and name in names:
            yield value
