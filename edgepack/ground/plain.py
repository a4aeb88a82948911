"""The border to JSON: `plain` makes what `json` can write of any value, `typed` makes a dataclass of it again.

What others read (reports, manifests, `--json`) goes through `plain`. What edgepack writes for itself alone, a cache's entry or
a worker's job, need not: there a NaN has to come back as a NaN.
"""

from __future__ import annotations

import dataclasses
import math
import types
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

NOT_IN_JSON = {"json": False}
"""Metadata of a dataclass's field for what is known only here and now, such as a path on this machine: `plain` leaves it out."""


def plain(value: Any) -> Any:
    """`value` as JSON holds it, with nothing in it that strict JSON or UTF-8 cannot write.

    Dataclasses (without fields that are NOT_IN_JSON), pydantic models and mappings become objects (keys as text), tuples, arrays
    and sets lists (sets sorted, so that equal ones give equal bytes), NumPy's scalars numbers, paths text, NaN and infinities
    null. Lone surrogates, which a path that is no UTF-8 holds, become question marks. Anything else becomes its text.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in json_fields(value)}
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        return [plain(inner) for inner in sorted(value, key=str)]
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (str, PurePath)):
        return str(value).encode("utf-8", "replace").decode()
    if hasattr(value, "model_dump"):  # a pydantic model
        return plain(value.model_dump())
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return plain(value.tolist())
    return plain(str(value))


def json_fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a dataclass that `plain` writes."""
    return tuple(item for item in dataclasses.fields(kind) if item.metadata.get("json", True))


def typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass of class `kind` that `plain` made `values` of, nested ones included.

    Keys that the class does not have are passed over, absent ones take the field's default. Numbers stay as they are written
    (an integer in a field of floats stays one, so that it is written the same again); null is NaN where a float must be. Of
    dataclasses, a field may hold one, one or None, or a tuple; whatever else it may hold is taken as it is.

    Raises:
        KeyError, TypeError, ValueError: a field without a default is absent, or a value is of another structure.
    """
    hints = get_type_hints(kind)
    given = {item.name: _typed(hints[item.name], values[item.name]) for item in _fields(kind) if item.name in values}
    return kind(**given)


def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(item for item in dataclasses.fields(kind) if item.init)


def _typed(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        kinds = [one for one in arguments if one is not type(None)]
        return _typed(kinds[0], value) if value is not None and len(kinds) == 1 else value
    if dataclasses.is_dataclass(hint):
        return typed(hint, value)  # type: ignore[arg-type]
    if origin is tuple:
        inner = arguments if arguments[-1:] != (...,) else (arguments[0],) * len(value)
        return tuple(_typed(one, item) for one, item in zip(inner, value, strict=True))
    if isinstance(hint, type) and issubclass(hint, PurePath):
        return hint(value)
    return math.nan if hint is float and value is None else value
