"""The results as a Markdown table, and what of a bar was missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_HEAD = """# Compression, measured

Written by `python benchmarks/compression/run.py`; bars.toml says what each row has to reach, results.json has every layer.
Accuracy is of the int8 .tflite, run by LiteRT on all test examples; zeros, unique codes per output channel and
multiply-accumulates are counted in the file. Time is what the training steps took when they ran, float training not included.

| bar | model | recipe | float | int8 | drop | zeros | codes per channel | MACs | parameters | file, deflated | training | met |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def render(rows: Sequence[dict[str, Any]]) -> str:
    """results.md."""
    return _HEAD + "".join(line(row) + "\n" for row in rows)


def line(row: dict[str, Any]) -> str:
    """One bar's line."""
    bar, treated = row["bar"], few(row)
    codes = (
        f"{row['codes']}" if treated == len(row["layers"]) else f"{row['codes']}; few in {treated} of {len(row['layers'])} layers"
    )
    cells = [
        f"`{row['name']}`",
        row["model"],
        f"[{row['class']}](../../{row['recipe']}), {row['train_examples']:,} examples",
        f"{row['float'] * 100:.2f} %",
        f"**{row['int8'] * 100:.2f} %**" + (f" (≥ {bar['accuracy'] * 100:.1f})" if "accuracy" in bar else ""),
        f"{(row['float'] - row['int8']) * 100:.2f}" + (f" (≤ {bar['drop'] * 100:.1f})" if "drop" in bar else ""),
        f"{row['zeros'] * 100:.1f} %" + (f" (≥ {bar['zeros'] * 100:.0f})" if "zeros" in bar else ""),
        codes + (f" (≤ {bar['codes']})" if "codes" in bar else ""),
        f"{row['macs']:,}" + _share(row, "macs"),
        f"{row['parameters']:,}" + _share(row, "parameters"),
        f"{row['bytes']:,} B, {row['deflated']:,} B",
        f"{row['seconds'] / 60:.0f} min ({row['machine']})",
        "yes" if not row.get("missed", missed(row)) else "no: " + ", ".join(missed(row)),
    ]
    return f"| {' | '.join(cells)} |"


def few(row: dict[str, Any]) -> int:
    """How many kernels have at most 16 codes in every output channel."""
    return sum(layer["codes"] <= 16 for layer in row["layers"])


def missed(row: dict[str, Any]) -> list[str]:
    """The demands of a bar that its row does not meet."""
    bar = row["bar"]
    met = {
        "accuracy": row["int8"] >= bar.get("accuracy", 0),
        "drop": row["float"] - row["int8"] <= bar.get("drop", 1) + 1e-9,
        "zeros": row["zeros"] >= bar.get("zeros", 0),
        "codes": row["codes"] <= bar.get("codes", 256),
        "macs": row["macs"] <= bar.get("macs", 1) * row["float_macs"] or "macs" not in bar,
        "parameters": row["parameters"] <= bar.get("parameters", 1) * row["float_parameters"] or "parameters" not in bar,
        "int8": row["scheme"] == "int8",
    }
    return [name for name, reached in met.items() if not reached]


def _share(row: dict[str, Any], what: str) -> str:
    share = row[what] / row[f"float_{what}"]
    limit = f", ≤ {row['bar'][what] * 100:.0f}" if what in row["bar"] else ""
    return f" ({share * 100:.0f} %{limit})" if limit or share < 0.98 else ""
