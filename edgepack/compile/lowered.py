"""What an operator, or several in bands, has become: a call, and what it is expected to cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Node
from edgepack.compile.operators.choice import Choice


@dataclass(frozen=True)
class CodedArray:
    """Constants of a call that are stored coded: what they are, how many values, their bytes as they are and coded (all that
    comes with the code included), the entropy of the values in bytes, the code's name, and the instructions to decode once.

    `framed`: the biases and multipliers between the weights are coded too. Of biases and multipliers alone, the bytes of their
    code stand in the place of an entropy. `direct` says what the kernel does that computes on the code; "" where it is decoded.
    """

    what: str
    values: int
    bytes: int
    coded_bytes: int
    entropy_bytes: float
    code: str
    instructions: float
    framed: bool = False
    direct: str = ""


@dataclass(frozen=True, eq=False)
class Considered:
    """Constants of a call that a code could take: how they are stored, or None, and then why.

    `numbers_why`: why the biases and multipliers between coded weights are not coded as well. `output` is the value that is
    computed with them, which of operators in bands is not the call's own.
    """

    array: Array
    coded: CodedArray | None
    why: str
    numbers_why: str = ""
    output: int | None = None


@dataclass(frozen=True, eq=False)
class Lowered:
    """A call, the operators it computes, their checked problems, its expected instructions, and the kernels not taken.

    `coded` are the arrays that it decodes before it runs, `considered` all that could be; both are empty where coding is off.
    `band` are the rows that are computed at a time, and what the kernels' scratch may take, where these are operators in bands.
    """

    nodes: tuple[Node, ...]
    call: Call
    cost: float
    problems: tuple[Any, ...]
    others: tuple[Choice, ...] = ()
    coded: tuple[CodedArray, ...] = ()
    considered: tuple[Considered, ...] = ()
    band: tuple[int, int | None] | None = None

    @property
    def saved(self) -> int:
        """Bytes of flash that coding saves."""
        return sum(each.bytes - each.coded_bytes for each in self.coded)

    @property
    def decodes(self) -> bool:
        """Whether it decodes constants before it runs."""
        return any(not each.direct for each in self.coded)

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
