"""Weights in codes, array by array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow


def coding_rows(rows: Sequence[CodingRow]) -> list[dict[str, str]]:
    """The figures of each array as texts."""
    texts = ({key: value for key, value in asdict(row).items() if key != "codes"} for row in rows)
    return [{key: f"{value:,}" if isinstance(value, int) else value for key, value in row.items()} for row in texts]
