"""Whether a subgraph can be executed in its order: every index exists, every tensor is written once and before it is read."""

from __future__ import annotations

from collections.abc import Sequence

from edgepack.flatbuffer.model import Operator, Subgraph, Tensor
from edgepack.flatbuffer.obstacles import compiled_for
from edgepack.flatbuffer.tensors import CONVERT_HINT, shorten
from edgepack.ground.errors import ModelError


def check_subgraph(graph: Subgraph, label: str) -> None:
    """Check the tensor indices of `graph` and the order of its operators.

    Raises:
        ModelError: EP-208 for an index that does not exist, EP-209 for a tensor written twice, read before it is written,
            or never written.
    """
    _check_indices(graph, label)
    tensors = graph.tensors
    ready = {tensor.index for tensor in tensors if tensor.data is not None or tensor.is_variable}
    for index in graph.inputs:
        if tensors[index].data is not None:
            raise ModelError("EP-209", f"{label} has the constant {_name(tensors[index])} as an input", CONVERT_HINT)
    if len(set(graph.inputs)) != len(graph.inputs):
        raise ModelError("EP-209", f"{label} lists an input twice", CONVERT_HINT)
    ready.update(graph.inputs)
    written_later = {index for operator in graph.operators for index in operator.outputs}
    inputs = set(graph.inputs)
    for operator in graph.operators:
        for index in operator.inputs:
            if index >= 0 and index not in ready and not compiled_for(operator.custom_code):  # they are given memory to work in
                _refuse_unwritten(operator, tensors[index], index in written_later)
        for index in operator.outputs:
            if index in ready and not (tensors[index].is_variable and index not in inputs):
                raise ModelError("EP-209", f"{_of(operator)} writes {_name(tensors[index])} again", CONVERT_HINT)
            if index >= 0:
                ready.add(index)
    for index in graph.outputs:
        if index not in ready and tensors[index].elements > 0:
            raise ModelError("EP-209", f"{label} has the output {_name(tensors[index])} that nothing writes", CONVERT_HINT)


def _refuse_unwritten(operator: Operator, tensor: Tensor, written_later: bool) -> None:
    if written_later:
        raise ModelError("EP-209", f"{_of(operator)} reads {_name(tensor)} before it is written", CONVERT_HINT)
    if tensor.elements > 0:
        raise ModelError("EP-209", f"{_of(operator)} reads {_name(tensor)} that nothing writes", CONVERT_HINT)


def _check_indices(graph: Subgraph, label: str) -> None:
    count = len(graph.tensors)

    def check(indices: Sequence[int], what: str, least: int) -> None:
        for index in indices:
            if not least <= index < count:
                raise ModelError("EP-208", f"{what} is tensor {index}, {label} has {count}", CONVERT_HINT)

    check(graph.inputs, f"an input of {label}", 0)
    check(graph.outputs, f"an output of {label}", 0)
    for operator in graph.operators:
        check(operator.inputs, f"an input of {_of(operator)}", -1)
        check(operator.outputs, f"an output of {_of(operator)}", 0)
        check(operator.intermediates, f"an intermediate of {_of(operator)}", -1)


def call_order(graphs: Sequence[Subgraph]) -> list[int]:
    """Subgraph numbers, each after those its operators call (IF, WHILE, CALL_ONCE, ...).

    Raises:
        ModelError: EP-208 for a subgraph that does not exist, EP-209 for a circle of calls.
    """
    callers: list[list[int]] = [[] for _ in graphs]
    pending = [0] * len(graphs)
    for number, graph in enumerate(graphs):
        for operator in graph.operators:
            for target in called_subgraphs(operator):
                if not 0 <= target < len(graphs):
                    raise ModelError(
                        "EP-208", f"{_of(operator)} calls subgraph {target}, the model has {len(graphs)}", CONVERT_HINT
                    )
                callers[target].append(number)
                pending[number] += 1
    order = [number for number, count in enumerate(pending) if count == 0]
    for number in order:
        for caller in callers[number]:
            pending[caller] -= 1
            if pending[caller] == 0:
                order.append(caller)
    if len(order) < len(graphs):
        circle = [number for number, count in enumerate(pending) if count]
        raise ModelError("EP-209", f"subgraphs {circle[:8]} call each other in a circle", CONVERT_HINT)
    return order


def called_subgraphs(operator: Operator) -> list[int]:
    """The subgraphs an operator's options name."""
    names = [name for name in operator.options if name.endswith("subgraph_index") or name == "subgraph"]
    return [value for value in (operator.options[name] for name in names) if isinstance(value, int)]


def _of(operator: Operator) -> str:
    return f"operator {operator.index} {operator.name}"


def _name(tensor: Tensor) -> str:
    return f"tensor {tensor.index} '{shorten(tensor.name)}'"
