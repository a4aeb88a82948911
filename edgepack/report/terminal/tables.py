"""Tables and lines for a terminal, in colour; plain aligned columns in a pipe or a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edgepack.ground.escape import terminal_line

STATUS_STYLES = {"PASS": "bold green", "FAIL": "bold red", "NOT MEASURED": "yellow"}
"""Each status in its colour."""


def standard_output() -> Console:
    """The terminal or file that a command prints to; rich colours no numbers of its own accord."""
    return Console(highlight=False)


@dataclass(frozen=True)
class Column:
    """A column's heading, which side it is aligned to, and its colour on a terminal."""

    name: str
    right: bool = False
    style: str = ""


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    """A table whose cells are texts or (text, style)."""
    if not console.is_terminal:
        _plain_table(console, columns, rows)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for column in columns:
        table.add_column(_text(column.name), justify="right" if column.right else "left", style=column.style, overflow="fold")
    for row in rows:
        table.add_row(*(_text(*cell) if isinstance(cell, tuple) else _text(cell) for cell in row))
    console.print(table)
    console.print()


def _text(words: str, style: str = "") -> Text:
    return Text(terminal_line(words), style)


def _plain_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    texts = [[terminal_line(column.name) for column in columns]]
    texts += [[terminal_line(cell[0] if isinstance(cell, tuple) else cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in texts) for index in range(len(columns))]
    for row in texts:
        cells = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        ]
        print_line(console, "  ".join(cells).rstrip())
    print_line(console, "")


def print_line(console: Console, *parts: str | tuple[str, str]) -> None:
    """One line, wrapped only on a terminal; no part of it is read as markup."""
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(terminal_line(words), style)
    if console.is_terminal:
        console.print(text)
    else:
        console.print(text, soft_wrap=True)
