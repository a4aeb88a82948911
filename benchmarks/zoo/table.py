"""results.json as a page: a line a file, and how many of each outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

HEAD = """# Model files, and what becomes of them

Written by `python benchmarks/zoo/run.py FOLDER …`: each .tflite is inspected, compiled to C, run on the emulated core of
`{target}` beside the reference kernels, and counted. *same*: every output of every vector has the reference's bits. *refused*:
with an error that names what is in the way. *not compared*: it compiles, but no runtime here runs it, or it does not fit.
"""


def render(target: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """The page."""
    counts = Counter(row["outcome"] for row in rows)
    summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    parts = [HEAD.format(target=target), f"\n{summary}\n\n"]
    parts.append("| file | outcome | operators | MACs | vectors | instructions | arena | flash |\n")
    parts.append("|---|---|---:|---:|---:|---:|---:|---:|\n")
    for row in rows:
        numbers = (row.get(name) for name in ("operators", "macs", "compared", "instructions", "arena", "flash"))
        cells = ("" if number is None else f"{number:,}" for number in numbers)
        parts.append(f"| {row['file']} | {_outcome(row)} | {' | '.join(cells)} |\n")
    said = [row for row in rows if row.get("why")]
    parts += [f"\n- {row['file']}: {row['why'].replace('|', '/')}\n" for row in said]
    return "".join(parts)


def _outcome(row: Mapping[str, Any]) -> str:
    if row["outcome"] == "other bits":
        return f"**{row['differing']} of {row['compared']} differ**"
    return f"{row['outcome']} {row['code']}" if "code" in row else row["outcome"]
