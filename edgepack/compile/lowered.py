"""What an operator, or several in bands, has become: a call, and what it is expected to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgepack.compile.call import Call
from edgepack.compile.graph import Node
from edgepack.compile.operators.choice import Choice


@dataclass(frozen=True, eq=False)
class Lowered:
    """A call, the operators it computes, their checked problems, its expected instructions, and the kernels not taken."""

    nodes: tuple[Node, ...]
    call: Call
    cost: float
    problems: tuple[Any, ...]
    others: tuple[Choice, ...] = ()

    @property
    def node(self) -> Node:
        """The operator; of several the last, under all their names."""
        names = "+".join(dict.fromkeys(node.op for node in self.nodes))
        return replace(self.nodes[-1], op=names)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """The names of the kernels not taken."""
        return tuple(other.kernel.name for other in self.others)


def lowered(node: Node, choice: Choice, usable: Sequence[Choice]) -> tuple[Lowered, ...]:
    """The calls of one operator by the chosen one of its usable kernels."""
    calls = choice.calls()
    problems = (choice.problem,) if len(calls) == 1 else ()
    others = tuple(other for other in usable if other is not choice)
    return tuple(Lowered((node,), call, choice.cost / len(calls), problems, others) for call in calls)
