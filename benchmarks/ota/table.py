"""results.json as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = """# Updates of images in two slots

Written by `python benchmarks/ota/run.py`; [the guide](../../docs/guides/ota.md#images-for-microcontrollers) says what they are.
"""
_SIZES = """
## Bytes of an update
`whole` and `patch` are edgepack's, without header and signature (200 bytes); the others are [detools](https://github.com/eerimoq/detools)'
sequential patches with each of its compressions, of which its decoder for microcontrollers has none, crle and heatshrink; and
`xz -9e` of the content.

"""
_COST = """
## What the updater takes
Bytes, at -Os: flash of a program that calls choose, apply and revert, as linked, with Ed25519, three hashes and what it takes of
the compiler's library; `struct ota_work`; stack as used on the emulated core, by zig's code, in updates with all signatures.
`verify`: instructions of one Ed25519 verification, by zig at -Os.

"""
_CUTS = """
## Power cuts
In every change of flash (an erasure, or a write of one granule) of an update the power fails: of a write any of the bits that
should become 0 have, of an erasure a part is done and a part holds anything. Then the device starts: the image before must run or
the new one, bit for bit. `twice`: the next try is cut in a second place, if it gets so far, which is not counted. Then the
update is called again and must end with the new image, the slot that ran untouched, and no granule written twice between
erasures. gcc with AddressSanitizer and UndefinedBehaviorSanitizer.

"""


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    lines += ["| " + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    parts = [HEAD]
    if rows := results.get("sizes"):
        columns = ("bytes", "whole", "patch", "none", "crle", "heatshrink", "lzma", "xz")
        parts += [_SIZES, _table(("update", *columns), ([row["name"], *(row[column] for column in columns)] for row in rows))]
    if rows := results.get("cost"):
        taken = ("compiler", "flash", "code", "constants", "work", "stack", "verify")
        parts += [_COST, _table(("core", *taken), ([row["core"], *(row[column] for column in taken)] for row in rows))]
    if rows := results.get("cuts"):
        found = ([r["flash"], r["update"], "yes" if r["twice"] else "no", r["changes"], r["cuts"], len(r["wrong"])] for r in rows)
        parts += [_CUTS, _table(("flash", "update", "twice", "changes", "cuts", "wrong"), found)]
        parts.append(f"\n{sum(row['cuts'] for row in rows):,} cuts, {sum(len(row['wrong']) for row in rows)} wrong.\n")
    if rows := results.get("emulated"):
        parts.append("\nOn emulated cores, a sample, 2048 B pages and 8 B granules, a patch:\n\n")
        parts.append(_table(("core", "cuts", "wrong"), ([row["core"], row["cuts"], len(row["wrong"])] for row in rows)))
    return "".join(parts)
