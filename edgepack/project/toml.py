"""Reading a TOML file so that every later complaint can name its line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepack.ground.errors import ProjectError
from edgepack.project.locate import Path as KeyPath
from edgepack.project.locate import lines, nearest_line
from edgepack.project.types import Where

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A settings file is a page long; anything near this limit is another file given by mistake.
LARGEST_FILE = 1 << 20

# Tables and lists inside one another; the file's own keys go three deep.
DEEPEST = 32

# tomllib takes quadratic time and memory over a key of many parts, and so would everything behind it.
_PART = r"""(?:(?<![\w-])[\w-]+|"[^"\n]*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART}){{{DEEPEST}}}")
_LONG_NUMBER = re.compile(r"(?<![\w.])[+-]?[0-9][0-9_]{4000}")

_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class TomlFile:
    """A parsed file. `flags` holds the paths that a command-line flag has set, and the flag's text."""

    file: Path
    values: dict[str, Any]
    found: Mapping[KeyPath, int]
    flags: Mapping[KeyPath, str] = field(default_factory=dict)

    def where(self, path: KeyPath) -> Where:
        """The place to show for `path`: the flag that set it, its line, or the line of the table it belongs to."""
        for length in range(len(path), 0, -1):
            flag = self.flags.get(path[:length])
            if flag is not None:
                return Where(self.file, None, flag)
        if path and path not in self.found:
            for flagged, flag in self.flags.items():
                if flagged[: len(path)] == path:
                    return Where(self.file, None, flag)
        return Where(self.file, nearest_line(self.found, path))


def read_toml(file: Path, what: str) -> TomlFile:
    """Parse `file`; `what` names its role in messages ("project file").

    Raises:
        ProjectError: EP-101 when it cannot be read, EP-102 when it is not TOML.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ProjectError("EP-101", f"cannot read the {what} {file}: {error.strerror}", "check the path") from error
    if len(raw) > LARGEST_FILE:
        raise ProjectError("EP-102", f"{file} is larger than 1 MiB and no {what}", "give a TOML file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProjectError("EP-102", f"{Where(file, line)}: this {what} is not UTF-8 text", "save the file as UTF-8") from error
    found = _LONG_KEY.search(text)
    if found is not None:
        raise _too_deep(Where(file, text.count("\n", 0, found.start()) + 1))
    try:
        values = parse_toml(text)
        places = lines(text)
    except RecursionError as error:
        raise _too_deep(Where(file)) from error
    except ValueError as error:
        number = _LONG_NUMBER.search(text)
        if number is not None:
            raise _too_large(Where(file, text.count("\n", 0, number.start()) + 1)) from error
        message, line_number = _syntax_message(str(error), text)
        raise ProjectError("EP-102", f"{Where(file, line_number)}: {message}", _syntax_hint(text, line_number)) from error
    for path, fault in unusable(values):
        raise fault(Where(file, nearest_line(places, path)))
    return TomlFile(file, values, places)


def parse_toml(text: str) -> dict[str, Any]:
    """The values of a TOML text.

    Raises:
        ValueError: it is not TOML, with the reason and its line, or holds a number of thousands of digits.
        RecursionError: its values are nested too deeply.
    """
    return tomllib.loads(text)


def unusable(values: Any) -> Iterator[tuple[KeyPath, Callable[[Where | str], ProjectError]]]:
    """Where values are nested too deeply, or are whole numbers of more than TOML's 64 bits, and the error that says so."""
    waiting: list[tuple[KeyPath, Any]] = [((), values)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            yield path, _too_large
        if len(path) > DEEPEST:
            yield path, _too_deep
        elif isinstance(value, dict):
            waiting += [((*path, key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, index), inner) for index, inner in enumerate(value)]


def _too_deep(where: Where | str) -> ProjectError:
    return ProjectError("EP-102", f"{where}: values are nested too deeply", "write a flatter file")


def _too_large(where: Where | str) -> ProjectError:
    return ProjectError(
        "EP-102", f"{where}: a whole number of more than 64 bits", "TOML's numbers have 64 bits; write a smaller one"
    )


def _syntax_message(message: str, text: str) -> tuple[str, int]:
    match = _AT_LINE.search(message)
    if match is None:
        return message, 1
    line = int(match.group(1)) if match.group(1) else text.count("\n") + 1
    return f"not valid TOML: {message[: match.start()]}", line


def _syntax_hint(text: str, line: int) -> str:
    """The mistake that is made most: text or a quantity without quotes."""
    rows = text.splitlines()
    row = rows[line - 1] if line <= len(rows) else ""
    match = re.match(r"\s*([\w.-]+)\s*=\s*([^\"'\[{#]+)", row)
    if match:
        return f'text and quantities need quotes: {match.group(1)} = "{match.group(2).strip()}"'
    return "check quotes, brackets and commas on this line"
