"""Which line of a TOML file a key stands on, which tomllib does not tell.

`lines(text)` maps a path such as ("recipe", 1, "sparsity") to its line, counted from 1. It is meant for text that tomllib has
accepted: on anything else it may stop early, but always ends.
"""

from __future__ import annotations

from collections.abc import Mapping

Path = tuple[str | int, ...]

_BARE_END = frozenset(" \t\r\n=.]#,}")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def lines(text: str) -> dict[Path, int]:
    """The line of every key, table and array element in `text`."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    return scanner.found


def nearest_line(found: Mapping[Path, int], path: Path) -> int | None:
    """The line of `path`, or of the closest enclosing table that is written in the file."""
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return None


class _Scanner:
    """A position in the text, the line it is on, and what was found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.found: dict[Path, int] = {}
        self.table_arrays: dict[Path, int] = {}

    def document(self) -> None:
        """Walk over all statements: `[table]`, `[[array of tables]]` and `key = value`."""
        table: Path = ()
        while True:
            self.skip_blank()
            if self.at >= len(self.text):
                return
            start = self.at
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            if self.at == start:
                return

    def header(self) -> Path:
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        line = self.line
        keys = self.keys()
        self.at += 2 if is_array else 1
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            is_last = position == len(keys) - 1
            if is_last and is_array:
                index = self.table_arrays.get(path, -1) + 1
                self.table_arrays[path] = index
                self.note(path, line)
                path = (*path, index)
            elif not is_last and path in self.table_arrays:
                path = (*path, self.table_arrays[path])
            self.note(path, line)
        return path

    def pair(self, table: Path) -> None:
        line = self.line
        path = table
        for key in self.keys():
            path = (*path, key)
            self.note(path, line)
        self.skip_space()
        if self.peek() == "=":
            self.at += 1
            self.skip_space()
            self.value(path)

    def keys(self) -> tuple[str, ...]:
        """A dotted key; each part bare or quoted."""
        found = []
        while True:
            self.skip_space()
            found.append(self.key())
            self.skip_space()
            if self.peek() != ".":
                return tuple(found)
            self.at += 1

    def key(self) -> str:
        quote = self.peek()
        if quote in ("'", '"'):
            return self.string()
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in _BARE_END:
            self.at += 1
        return self.text[start : self.at]

    def value(self, path: Path) -> None:
        first = self.peek()
        if first in ("'", '"'):
            self.string()
        elif first == "[":
            self.array(path)
        elif first == "{":
            self.inline_table(path)
        else:
            while self.at < len(self.text) and self.text[self.at] not in "\n#,]}":
                self.at += 1

    def array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self.skip_blank()
            mark = self.peek()
            if mark in ("]", ""):
                self.at += 1
                return
            if mark == ",":
                self.at += 1
                continue
            start = self.at
            self.note((*path, index), self.line)
            self.value((*path, index))
            index += 1
            if self.at == start:
                return

    def inline_table(self, path: Path) -> None:
        self.at += 1
        while True:
            self.skip_blank()
            mark = self.peek()
            if mark in ("}", ""):
                self.at += 1
                return
            if mark == ",":
                self.at += 1
                continue
            start = self.at
            self.pair(path)
            if self.at == start:
                return

    def string(self) -> str:
        """Skip a string of any of TOML's four kinds; returns its text (escapes resolved as keys need them)."""
        quote = self.peek()
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(fence)
        parts: list[str] = []
        while self.at < len(self.text) and not self.text.startswith(fence, self.at):
            character = self.text[self.at]
            if character == "\\" and quote == '"':
                parts.append(self.escape())
                continue
            if character == "\n":
                if len(fence) == 1:
                    break
                self.line += 1
            parts.append(character)
            self.at += 1
        self.at += len(fence)
        # Up to two quotes may stand directly before the closing three.
        while len(fence) == 3 and self.peek() == quote:
            self.at += 1
        return "".join(parts)

    def escape(self) -> str:
        kind = self.text[self.at + 1 : self.at + 2]
        digits = {"x": 2, "u": 4, "U": 8}.get(kind)
        if digits is not None:
            code = self.text[self.at + 2 : self.at + 2 + digits]
            self.at += 2 + digits
            try:
                return chr(int(code, 16))
            except (ValueError, OverflowError):
                return ""
        self.at += 2
        if kind == "\n":
            self.line += 1
        return _ESCAPES.get(kind, "")

    def note(self, path: Path, line: int) -> None:
        self.found.setdefault(path, line)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip_space(self) -> None:
        while self.peek() in (" ", "\t"):
            self.at += 1

    def skip_blank(self) -> None:
        """Skip white space, line ends and comments."""
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "#":
                while self.at < len(self.text) and self.text[self.at] != "\n":
                    self.at += 1
            elif character in " \t\r\n":
                self.line += character == "\n"
                self.at += 1
            else:
                return
