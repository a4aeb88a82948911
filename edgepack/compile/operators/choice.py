"""Which kernels can run an operator on a CPU, and what each of them costs."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from edgepack.compile.call import Call
from edgepack.compile.graph import Graph, Node
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.shared.wide import is_wide
from edgepack.compile.operators.site import ANY_HINT, REPLACEMENTS, Site, operator_error
from edgepack.compile.operators.table import OPERATORS
from edgepack.cores import Cpu
from edgepack.flatbuffer.obstacles import custom_hint


@dataclass(frozen=True)
class Choice:
    """A kernel that can run an operator, the checked operator, and the instructions it is expected to take."""

    kernel: Kernel[Any]
    problem: Any
    cost: float

    def calls(self) -> tuple[Call, ...]:
        """What is called, in order."""
        calls = self.kernel.lower(self.problem)
        return calls if isinstance(calls, tuple) else (calls,)


def choices(node: Node, graph: Graph, cpu: Cpu) -> tuple[Choice, ...]:
    """Every kernel that can run this operator on this CPU, cheapest first.

    Raises CompileError EP-703 for an operator that cannot be compiled, and what `Operator.checked` raises.
    """
    operator = OPERATORS.get(node.op)
    if operator is None:
        if node.op == "CUSTOM":
            raise operator_error(graph, node, "EP-703", "is not among the operators that become C", custom_hint(node.custom_code))
        raise operator_error(
            graph, node, "EP-703", "is not among the operators that become C", REPLACEMENTS.get(node.op, ANY_HINT)
        )
    form = _form(operator, node, graph)
    problem = form.checked(Site(node, graph))
    found = _usable(form, problem, cpu)
    if not found:
        raise operator_error(graph, node, "EP-704", f"has no kernel for this form on {cpu.name}", ANY_HINT)
    return found


def usable(name: str, problem: Any, cpu: Cpu, among: Container[str] | None = None) -> tuple[Choice, ...]:
    """The kernels for a checked int8 operator of that name, or those of them that are `among` these, cheapest first."""
    return _usable(OPERATORS[name], problem, cpu, among)


def _form(operator: Operator[Any], node: Node, graph: Graph) -> Operator[Any]:
    """The operator for the types of the tensors it computes with: the form of the first that there is one for, else int8's."""
    operands = [graph.values[index] for index in (*node.inputs, *node.outputs) if index >= 0]
    forms = (operator.forms.get(value.dtype) for value in operands if value.data is None)
    return next((form for form in forms if form is not None), operator.of(node))


def _usable(operator: Operator[Any], problem: Any, cpu: Cpu, among: Container[str] | None = None) -> tuple[Choice, ...]:
    """The kernels that can do this, cheapest first."""
    found = [
        Choice(kernel, problem, kernel.cost(problem))
        for kernel in operator.kernels
        if among is None or kernel.name in among
        if kernel.needs <= cpu.features and (kernel.wide or not is_wide(problem)) and kernel.applies(problem)
    ]
    return tuple(sorted(found, key=lambda choice: choice.cost))
