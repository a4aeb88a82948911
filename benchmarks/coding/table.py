"""The results as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.bars import Row
from benchmarks.coding.bound import LARGE
from benchmarks.coding.demands import BOUND, DECODERS, SCRATCH, STATE, memory, nearest, times

_HEAD = f"""# Coded models, measured

Written by `python benchmarks/coding/run.py`; bars.toml says what each row has to reach, results.json has every layer and tensor.

- **C**: accuracy (of the autoencoder the area under the curve) of the generated C that decodes, run on all test examples on this
  machine; its outputs were compared with TensorFlow Lite's reference kernels bit for bit, and so were those of the Cortex-M4
  program, emulated, on some.
- **Weights in flash**: all constants of the model in the program linked for the Cortex-M4: streams, tables, biases, multipliers
  and structs. **Times**: the float model's parameters, four bytes each, batch normalization as Keras keeps it, over that; in
  brackets with batch normalization folded into the kernels, which leaves fewer.
- **Instructions** of one inference, counted: coded, the same model with coding off, and the float model quantized to int8
  without any training (*original*). **Arena** likewise.
- **Bound**: of the coded tensors of more than {LARGE:,} values the one farthest from its entropy, in its code of the fewest
  bytes, headers included; within {100 * BOUND - 100:.0f} %.
- **Decoders**: bytes of their functions in the linked program, at most {DECODERS:,}. **Memory**: what decoding adds to the arena,
  at most {SCRATCH:,} bytes or four filters for weights, and {STATE:,} for decoders and their tables.

| bar | model | recipe | float | C | same bits: test set, core | weights in flash, B | times | code, B | \
instructions: coded, off, original | arena, B: coded, off, original | bound | decoders, B | memory, B | met |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def render(rows: Sequence[Row]) -> str:
    """results.md."""
    trained, checked = [row for row in rows if "cores" not in row], [row for row in rows if "cores" in row]
    text = _HEAD + "".join(line(row) + "\n" for row in trained)
    for row in trained:
        text += _others(row)
    return text + _expected(trained) + _tensors(trained) + "".join(_unstructured(row) for row in checked)


def line(row: Row) -> str:
    """One bar's line."""
    if "cores" in row:
        return f"`{row['name']}`: {_met(row)}"
    coded, off, original, bar = row["runs"][row["coding"]], row["runs"]["off"], row["original"], row["bar"]
    made = [row["class"], f"coding `{row['coding']}`"]
    made[0] = f"[{made[0]}](../../{row['recipe']})" if row["recipe"] else f"given: {row['file']}" if row["file"] else made[0]
    examples = row["examples"]
    cells = [
        f"`{row['name']}`",
        row["model"],
        ", ".join(made),
        "" if row["float"] is None else f"{row['float'] * 100:.2f} %",
        _accuracy(row),
        f"{examples - row['differing']:,} of {examples:,}, {coded['examples'] - coded['differing']} of {coded['examples']}",
        f"**{coded['constants']:,}**; off {off['constants']:,}" + _limit(bar, "smaller", off["constants"] / coded["constants"]),
        f"**{times(row):.1f}** ({row['folded_bytes'] / coded['constants']:.1f})"
        + (f" (≥ {bar['times']})" if "times" in bar else ""),
        f"{coded['code']:,}; off {off['code']:,}",
        _instructions(row),
        f"{coded['arena']:,}, {off['arena']:,}" + (f", {original['arena']:,}" if original else ""),
        "" if nearest(row) is None else f"{nearest(row):.3f}",
        f"{coded['decoder_bytes']:,}",
        f"{row['grown']:,} (≤ {memory(row):,})",
        _met(row),
    ]
    return f"| {' | '.join(cells)} |"


def _accuracy(row: Row) -> str:
    """The C's metric, with what is asked of it."""
    if row["metric"] is None:
        return "no data"
    text = f"**{row['metric'] * 100:.2f} %**"
    if "accuracy" in row["bar"]:
        text += f" (≥ {row['bar']['accuracy'] * 100:.1f})"
    if "drop" in row["bar"]:
        text += f", drop {(row['float'] - row['metric']) * 100:.2f} (≤ {row['bar']['drop'] * 100:.1f})"
    return text


def _instructions(row: Row) -> str:
    """Counts, and the coded one as a share of the others."""
    bar, coded, off, original = row["bar"], row["runs"][row["coding"]], row["runs"]["off"], row["original"]
    share = coded["instructions"] / off["instructions"]
    text = f"**{coded['instructions']:,}**, {off['instructions']:,} ({share:.2f}" + (
        f", ≤ {bar['dense']})" if "dense" in bar else ")"
    )
    text += _limit(bar, "faster", 1 / share)
    if original:
        share = coded["instructions"] / original["instructions"]
        text += f", {original['instructions']:,} ({share:.2f}" + (f", ≤ {bar['original']})" if "original" in bar else ")")
    return text


def _limit(bar: dict[str, Any], key: str, reached: float) -> str:
    return f" ({reached:.2f} times {key}, ≥ {bar[key]})" if key in bar else ""


def _met(row: Row) -> str:
    return "yes" if not row["missed"] else "no: " + ", ".join(row["missed"])


def _others(row: Row) -> str:
    """The same model with other words for coding, where the bar names some."""
    return "".join(
        f"\n`{row['name']}` with coding `{word}`: {run['constants']:,} B of constants, "
        f"{row['float_bytes'] / run['constants']:.1f} times smaller; {run['instructions']:,} instructions; "
        f"arena {run['arena']:,} B.\n"
        for word, run in row["runs"].items()
        if word not in (row["coding"], "off")
    )


def _expected(rows: Sequence[Row]) -> str:
    """Expected instructions beside counted ones."""
    lines = [
        "\n## What decoding was expected to cost\n",
        "The compiler chooses codes by expected instructions. *Decoders*: of decoding and unpacking alone; *layers*: what layers "
        "that decode have more than without coding, their kernels' changes included.\n",
        "| bar | decoders: expected | counted | ratio | layers: expected | counted | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        counted = row["runs"][row["coding"]]["decoding"]
        layers = [sum(layer[key] for layer in row["layers"]) for key in ("expected", "counted")]
        lines.append(f"| `{row['name']}` | {_ratio(row['expected'], counted)} | {_ratio(*layers)} |")
    return "\n".join(lines) + "\n"


def _ratio(expected: int, counted: int) -> str:
    return f"{expected:,} | {counted:,} | {expected / counted:.2f}" if counted else f"{expected:,} | {counted:,} | "


def _tensors(rows: Sequence[Row]) -> str:
    """Large tensors beside their entropy and constriction's coders."""
    lines = [
        "\n## Beside the entropy\n",
        f"Coded tensors of more than {LARGE:,} values, bytes. constriction (PyPI) codes the same values by their own "
        "frequencies; its table of frequencies is not counted, those of edgepack's codes are.\n",
        "| bar | layer | values | code | stored | fewest | / entropy | constriction: range coder | ANS |",
        "|---|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        for one in row["tensors"]:
            if one["values"] <= LARGE:
                continue
            other = one["constriction"]
            cells = [
                f"`{row['name']}`",
                one["layer"],
                f"{one['values']:,}",
                one["code"],
                f"{one['stored']:,}",
                f"{one['fewest']:,}",
                f"{one['fewest'] / max(one['entropy'], 1):.3f}",
                *(("not installed", "") if other is None else (f"{other['range']:,}", f"{other['ans']:,}")),
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _unstructured(row: Row) -> str:
    """Coding "auto" against "off" on every core."""
    lines = [f"\n## {row['class'].capitalize()}\n", f"`{row['name']}`, coding `auto` against `off`; met: {_met(row)}.\n"]
    lines += ["| model | core | C | bytes more | instructions more |", "|---|---|---|---:|---:|"]
    for one in row["cores"]:
        same = "the same" if one["same"] else "another"
        lines.append(f"| {one['model']} | {one['core']} | {same} | {one['larger']:,} | {one['slower']:,} |")
    return "\n".join(lines) + "\n"
