"""Reading a TOML file so that every later complaint can name its line."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
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
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, line_number = _syntax_message(str(error), text)
        raise ProjectError("EP-102", f"{Where(file, line_number)}: {message}", _syntax_hint(text, line_number)) from error
    except RecursionError as error:
        raise ProjectError("EP-102", f"{file}: values are nested too deeply", "write a flatter file") from error
    return TomlFile(file, values, lines(text))


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
