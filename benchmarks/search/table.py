"""The results as a Markdown table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_HEAD = """# Searching recipes, measured

Written by `python benchmarks/search/run.py`; bars.toml has the questions. Each way had the time in the row, after the float
model was trained: `edgepack search`, designs drawn evenly from the same space, and designs drawn by Optuna's TPE without a
first front and without rungs. Beside them the best of the sample's own recipes, trained as they are written. Drop and flash are
of the best recipe of each, on the test split and of the compiled C; it was chosen on the validation examples. "missed": by how
much budgets are missed there, as shares of their limits. Hypervolume: the share of the rectangle from nothing lost and no
flash, to a drop of 0.3 and the most flash of any trial, that a way's trials dominate on validation. The time of `edgepack
search` includes its first front and what it keeps for running the winner.

| question | budgets | time | by | recipe | trials | missed | drop | flash | hypervolume |
|---|---|---|---|---|---|---|---|---|---|
"""

_WAYS = {"search": "`edgepack search`", "random": "even draws", "tpe": "TPE alone", "hand": "by hand"}


def render(rows: Sequence[dict[str, Any]]) -> str:
    """results.md."""
    return _HEAD + "".join(line(row) + "\n" for row in rows)


def line(row: dict[str, Any]) -> str:
    """One question's lines."""
    budgets = ", ".join(f"{key} {value}" for key, value in row["budget"].items())
    lines = []
    for way, words in _WAYS.items():
        if way not in row:
            continue
        found = row[way]
        first = way == "search"
        cells = [
            f"`{row['name']}`" if first else "",
            budgets if first else "",
            f"{row['seconds'] / 60:g} min, {row['machine']}" if first else "",
            words,
            found["name"],
            str(row["trials"][way]) if way in row["trials"] else "",
            f"{found['missed']:.3f}" if found["missed"] > 0 else "nothing",
            f"{100 * found['drop']:+.2f} points",
            f"{found['flash']:,.0f} B",
            f"{row['hypervolume'][way]:.3f}" if way in row["hypervolume"] else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
