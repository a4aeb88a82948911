"""Weights in codes: how many bytes they take from float32 to what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from edgepack.project.units import format_bytes
from edgepack.report.words import WEIGHT_BYTES

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow


def coding_stairs(rows: Sequence[CodingRow]) -> list[tuple[str, str, float]]:
    """The sums as (name, text, length in per cent of float32), each step below the one before."""
    sums = [(name, sum(getattr(row, key) for row in rows)) for key, name in WEIGHT_BYTES.items()]
    largest = max((value for _, value in sums), default=0) or 1
    texts = [format_bytes(value) + (f", {largest / value:.1f}x smaller" if 0 < value < largest else "") for _, value in sums]
    return [(name, text, round(100 * value / largest, 1)) for (name, value), text in zip(sums, texts, strict=True)]


def coding_rows(rows: Sequence[CodingRow]) -> list[dict[str, str]]:
    """The figures of each array as texts."""
    texts = ({key: value for key, value in asdict(row).items() if key != "codes"} for row in rows)
    return [{key: f"{value:,}" if isinstance(value, int) else value for key, value in row.items()} for row in texts]
