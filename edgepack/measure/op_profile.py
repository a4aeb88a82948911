"""Per-operator times of Google's benchmark_model (--enable_op_profiling=true), from the tables it prints.

The table "Run Order" of the regular runs is read; one before it is of the initialisation, later ones sort or sum it up. Its
columns have changed, [start] is gone, so the heading says what a row holds. The oldest output has no line "Operator-wise …",
and 0 under [times called] for an operator that is run once.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_REGULAR = "Operator-wise Profiling Info for Regular Benchmark Runs"
_LONGEST = 4096  # characters of a line; longer ones are no part of a table
_PREFIX = re.compile(r"^(?:INFO|VERBOSE): ")
_NODE = re.compile(r"\[(?P<outputs>.*)\]:(?P<index>\d+)$")


@dataclass(frozen=True)
class ToolNode:
    """One row: the operator's `kind`, the `seconds` it took in one inference, and its `name` as printed."""

    kind: str
    seconds: float
    name: str

    @property
    def index(self) -> int | None:
        """Its index among the model's operators, None for a part of a delegate, or where the version does not print it."""
        found = _NODE.search(self.name)
        return int(found["index"]) if found else None

    @property
    def output(self) -> str:
        """The name of its (first) output tensor; empty for a part of a delegate."""
        found = re.match(r"\[(.*)\]", self.name)
        return found[1].split(", ")[0] if found else ""


def parse_op_profile(text: str) -> tuple[ToolNode, ...]:
    """The rows of the regular runs' table, in the order they ran; none when there is no such table.

    A delegate may run a part several times in one inference: [avg ms] is of one call.

    >>> parse_op_profile('''============================== Run Order ==============================
    ... [node type] [first] [avg ms] [%] [cdf%] [mem KB] [times called] [Name]
    ... Add (ND, QS8) 0.024 0.010 9% 9% 0.000 3 Delegate/Add (ND, QS8):9
    ... ''')
    (ToolNode(kind='Add (ND, QS8)', seconds=3e-05, name='Delegate/Add (ND, QS8):9'),)
    """
    lines = iter(text[max(text.rfind(_REGULAR), 0) :].splitlines())
    if not any("= Run Order =" in line for line in lines):  # leaves what follows that line
        return ()
    columns = re.findall(r"\[([^\]]+)\]", next((line for line in lines if line.strip()), "")[:_LONGEST])
    if not {"avg ms", "times called"} <= set(columns) or columns[0] != "node type" or columns[-1] != "Name":
        return ()
    numbers = columns[1:-1]
    row = re.compile(r"(\S.*?)" + r"\s+([0-9.]+(?:e[+-]?\d+)?)%?" * len(numbers) + r"\s+(\S.*)$")
    nodes = []
    for line in lines:
        found = row.match(_PREFIX.sub("", line).strip()) if len(line) <= _LONGEST else None
        if found is None:
            break
        try:
            values = dict(zip(numbers, map(float, found.groups()[1:-1]), strict=True))
        except ValueError:  # such as 1.2.3
            break
        if not math.isfinite(values["avg ms"] * values["times called"]):
            break
        seconds = round(values["avg ms"] * max(values["times called"], 1.0) * 1e-3, 12)
        nodes.append(ToolNode(found[1], seconds, found[found.lastindex or 1]))
    return tuple(nodes)
