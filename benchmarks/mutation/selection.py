"""Which tests belong to a source file: tests.toml, read by the longest path that a file's path begins with."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OPERATOR = "tests/compile/test_operators.py::test_operator_equals_the_reference[{}]"


class Selection:
    """The tests of one room's files."""

    def __init__(self, file: Path, room: str) -> None:
        self._room = f"edgepack/{room}/"
        self._entries: dict[str, tuple[str, ...]] = {}
        read = tomllib.loads(file.read_text())
        self._left_out = tuple(f"--deselect=tests/{test}" for test in read["left_out"])
        for entry in read[room]:
            cases = [OPERATOR.format(name) for name in entry.get("operators", [])]
            tests = [f"tests/{test}" for test in entry.get("tests", [])]
            for files in entry["files"]:
                self._entries[files] = (*cases, *tests)

    @property
    def beginnings(self) -> tuple[str, ...]:
        """The paths' beginnings that have tests, "" for the room's other files."""
        return tuple(self._entries)

    def tests(self, file: str) -> tuple[str, ...]:
        """pytest's arguments for a file of the room, as a path from the repository's root. Raises KeyError for none."""
        path = file.removeprefix(self._room)
        fitting = [beginning for beginning in self._entries if path.startswith(beginning)]
        if not fitting:
            raise KeyError(f"tests.toml names no tests for {file}")
        return (*self._entries[max(fitting, key=len)], *self._left_out)
