"""results.json as a page: what became of the files of each seed, every kind of finding, and what the sanitizers said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEAD = """# Mutated model files, and what became of them

Written by `python benchmarks/fuzz/run.py`: small models of every operator, changed in their structure (three quarters) or their
bytes, each read, inspected and compiled for two cores. How to run it and what to do with a finding:
[docs/contributing/fuzzing.md](../../docs/contributing/fuzzing.md).
"""


def render(results: Mapping[str, Any]) -> str:
    """The page."""
    parts = [HEAD]
    runs = results.get("runs", {})
    if runs:
        parts.append("\n| seed | files | a second | compiled | refused | neither |\n|---:|---:|---:|---:|---:|---:|\n")
    for seed, row in sorted(runs.items(), key=lambda item: int(item[0])):
        compiled, findings = (row["outcomes"].get(word, 0) for word in ("compiled", "finding"))
        refused = row["files"] - compiled - findings
        rate = row["files"] / row["seconds"] if row["seconds"] else 0
        parts.append(f"| {seed} | {row['files']:,} | {rate:.0f} | {compiled:,} | {refused:,} | {findings:,} |\n")
    codes: dict[str, int] = {}
    for row in runs.values():
        for word, count in row["outcomes"].items():
            if word.startswith("EP-"):
                codes[word] = codes.get(word, 0) + count
    if codes:
        parts.append("\nRefused with: " + ", ".join(f"{code} {count:,}" for code, count in sorted(codes.items())) + ".\n")
    for seed, row in sorted(runs.items(), key=lambda item: int(item[0])):
        for kind, found in sorted(row["findings"].items()):
            parts.append(f"\n- seed {seed}, {found['count']} times {kind}: files {', '.join(map(str, found['numbers']))}\n")
    for seed, row in sorted(results.get("sanitized", {}).items(), key=lambda item: int(item[0])):
        parts.append(
            f"\nOf seed {seed}, the C of the first {row['programs']:,} files that compile (for {row['cpu']}) ran under "
            f"AddressSanitizer and UndefinedBehaviorSanitizer with random inputs: {len(row['reports'])} reports. "
            f"{row['skipped']:,} more compile, and are too large to run here.\n"
        )
        parts += [f"\n- file {report['number']}: {report['first line']}\n" for report in row["reports"]]
    return "".join(parts)
