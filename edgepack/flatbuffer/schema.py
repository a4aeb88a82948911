"""The TFLite schema, learned from the classes that flatc generated for the `tflite` package.

Those classes read without checking bounds, so only their knowledge is used: calling each accessor once on a probe tells
its vtable slot, its type and its default value. A new schema release thus needs no change here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

Kind = Literal["scalar", "numbers", "text", "texts", "table", "tables", "union"]

FORMATS = {
    "BoolFlags": "?", "Int8Flags": "b", "Uint8Flags": "B", "Int16Flags": "h", "Uint16Flags": "H", "Int32Flags": "i",
    "Uint32Flags": "I", "Int64Flags": "q", "Uint64Flags": "Q", "Float32Flags": "f", "Float64Flags": "d",
}  # fmt: skip
"""struct codes of the flatbuffers package's scalar types."""

NOT_FIELDS = re.compile(r"^_|^Init$|^GetRootAs|BufferHasIdentifier$")


@dataclass(frozen=True)
class Field:
    """A field of a table: where its offset stands in the vtable (bytes), how it is stored, and what it is when absent."""

    name: str
    slot: int
    kind: Kind
    format: str = ""
    default: Any = None
    child: str = ""


class _Probe:
    """Stands in for flatbuffers' table: tells the accessor that its field is present, and notes what it asks for.

    Only the first questions count: OperatorCode.BuiltinCode falls back to another field.
    """

    Bytes = bytes(64)
    Pos = 0

    def __init__(self, present: bool) -> None:
        self.present = present
        self.slot = 0
        self.format = ""
        self.text = False
        self.union = False

    def Offset(self, slot: int) -> int:
        self.slot = self.slot or slot
        return 4 if self.present else 0

    def Get(self, flags: Any, offset: int) -> Any:
        self.format = self.format or FORMATS[flags.__name__]
        return flags.py_type(0)

    def Vector(self, offset: int) -> int:
        return 8

    def Indirect(self, offset: int) -> int:
        return 8

    def String(self, offset: int) -> bytes:
        self.text = True
        return b""

    def Union(self, table: Any, offset: int) -> None:
        self.union = True


@cache
def fields(table: str) -> Mapping[str, Field]:
    """The fields of a table of the schema, by snake_case name."""
    generated = getattr(import_module(f"tflite.{table}"), table)
    accessors = {name: function for name, function in vars(generated).items() if inspect.isfunction(function)}
    found = {}
    for name, accessor in accessors.items():
        if NOT_FIELDS.search(name) or _is_companion(name, accessors):
            continue
        field = _probe(generated, name, accessor)
        found[field.name] = field
    return found


def _is_companion(name: str, accessors: Mapping[str, Any]) -> bool:
    return any(name.endswith(suffix) and name.removesuffix(suffix) in accessors for suffix in ("AsNumpy", "Length", "IsNone"))


def _probe(generated: Any, name: str, accessor: Any) -> Field:
    is_vector = accessor.__code__.co_argcount == 2
    arguments = (0,) if is_vector else ()

    def call(present: bool) -> tuple[_Probe, Any]:
        table, probe = generated.__new__(generated), _Probe(present)
        table._tab = probe
        if is_vector and not present:
            return probe, None
        try:
            return probe, accessor(table, *arguments)
        except TypeError:
            return probe, None

    _, default = call(present=False)
    probe, value = call(present=True)
    snake = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    if probe.union:
        return Field(snake, probe.slot, "union")
    if probe.text:
        return Field(snake, probe.slot, "texts" if is_vector else "text")
    if probe.format:
        return Field(snake, probe.slot, "numbers" if is_vector else "scalar", probe.format, default)
    return Field(snake, probe.slot, "tables" if is_vector else "table", child=type(value).__name__)


@cache
def enumeration(name: str) -> Mapping[int, str]:
    """The values of an enumeration of the schema and their names as the schema writes them."""
    generated = getattr(import_module(f"tflite.{name}"), name)
    return {value: key for key, value in vars(generated).items() if not key.startswith("_") and isinstance(value, int)}
