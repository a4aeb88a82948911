"""results.json as a page: how many of each room's mutants were noticed, and every one that was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

HEAD = """# Mutants of the code, and whether the tests noticed

Written by `python benchmarks/mutation/run.py`: a seeded sample of small changes, each run with the quick tests that tests.toml
names for its file. A timeout counts as noticed. Why a survivor may live is in
[docs/contributing/mutation-testing.md](../../docs/contributing/mutation-testing.md).

| room | possible | run | killed | timeout | survived |
|---|---|---|---|---|---|
"""


def render(results: Mapping[str, Any]) -> str:
    """The page in Markdown."""
    lines = []
    for room, result in results.items():
        counts = Counter(row["outcome"] for row in result["mutants"])
        numbers = [result["possible"], len(result["mutants"]), counts["killed"], counts["timeout"], counts["survived"]]
        lines.append(f"| {room}, seed {result['seed']} | {' | '.join(str(number) for number in numbers)} |")
    rows = [row for result in results.values() for row in result["mutants"] if row["outcome"] != "killed"]
    listed = [
        f"| {row['file']}:{row['line']} | {row['outcome']} | {_code(row['before'])} | {_code(row['after'])} |" for row in rows
    ]
    table = "\n## Not killed\n\n| place | outcome | code | mutant |\n|---|---|---|---|\n"
    return HEAD + "\n".join(lines) + "\n" + table + "\n".join(listed) + "\n"


def _code(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return f"`{text if len(text) <= 100 else text[:97] + '...'}`"
