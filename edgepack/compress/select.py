"""Choosing layers by name, with the wildcards of a shell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from edgepack.ground.errors import RecipeError
from edgepack.project.check import suggest


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a layer's name fits one of the patterns.

    >>> matches("conv2d_3", ["conv2d_*"]), matches("dense", ["conv2d_*"])
    (True, False)
    """
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def check_patterns(patterns: Iterable[str], names: Sequence[str], option: str, step: str) -> None:
    """Refuse a pattern that fits no layer of the model; "*" always does.

    Raises:
        RecipeError: EP-412, with the nearest layer name.
    """
    for pattern in patterns:
        if pattern != "*" and not any(fnmatchcase(name, pattern) for name in names):
            raise RecipeError(
                "EP-412",
                f"{step}: {option} names {pattern!r}, and the model has no such layer",
                suggest(pattern, names, "layers:"),
            )
