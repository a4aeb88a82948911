"""Turn resource variables (VAR_HANDLE, READ_VARIABLE, ASSIGN_VARIABLE, CALL_ONCE) into state at the start of the arena.

A variable becomes a State; reading it copies it to the value read, assigning copies the value into it. Most copies are not
needed: a value read is the state itself if nobody needs it after the next assignment, and an operator may compute straight
into the state if everyone has read it by then. What CALL_ONCE assigns, which must be constants, is the state after reset; a
variable nobody initialises starts at its zero point, as in TFLite Micro.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edgepack.compile.graph import BYTES, LARGEST_STATE, Graph, Node, State, Value
from edgepack.compile.operators.site import CONVERT_AGAIN, operator_error
from edgepack.compile.passes.fold_constants import fold_constants
from edgepack.compile.quantize import RANGES
from edgepack.flatbuffer.traits import traits_of

Key = tuple[str, str]
# The operators that this pass takes away: no other sees them.
ACCESSES = ("READ_VARIABLE", "ASSIGN_VARIABLE")


def resources(graph: Graph) -> Graph:
    """Replace every resource variable by a State. Raises CompileError EP-704 or EP-705 for forms that cannot be."""
    if not any(node.op in (*ACCESSES, "VAR_HANDLE", "CALL_ONCE") for node in graph.nodes):
        return graph
    handles = _handles(graph)
    initial = _initial_values(graph)
    variables: dict[Key, Value] = {}
    kept = []
    for node in graph.nodes:
        if node.op in ACCESSES:
            key, value = _access(graph, node, handles)
            if key not in variables:
                variables[key] = replace(value, id=graph.new_id(), name=key[1] or value.name, data=None)
                graph = graph.with_values(variables[key])
            state = variables[key]
            if (state.dtype, state.bytes) != (value.dtype, value.bytes):
                raise operator_error(graph, node, "EP-705", "accesses a variable of another size or type", CONVERT_AGAIN, value)
            source, target = (state.id, value.id) if node.op == "READ_VARIABLE" else (value.id, state.id)
            if sum(each.bytes for each in variables.values()) > LARGEST_STATE:
                raise operator_error(
                    graph, node, "EP-704", f"keeps a state of more than {LARGEST_STATE} bytes", "Keep less between inferences."
                )
            kept.append(Node(index=node.index, op="COPY", inputs=(source,), outputs=(target,)))
        elif node.op not in ("VAR_HANDLE", "CALL_ONCE"):
            kept.append(node)
    states = tuple(_state(graph, variables[key], initial.get(key)) for key in variables)
    graph = replace(graph.with_nodes(kept), states=(*graph.states, *states))
    for state in variables.values():
        graph = _write_directly(_read_directly(graph, state), state)
    return graph


def _handles(graph: Graph) -> dict[int, Key]:
    """Which variable each handle is of."""
    handles: dict[int, Key] = {}
    for node in graph.nodes:
        if node.op == "VAR_HANDLE" and node.outputs:
            handles[node.outputs[0]] = (str(node.options.get("container", "")), str(node.options.get("shared_name", "")))
    return handles


def _access(graph: Graph, node: Node, handles: Mapping[int, Key]) -> tuple[Key, Value]:
    """The variable a READ_VARIABLE or ASSIGN_VARIABLE is about, and the value read or assigned."""
    values = node.outputs if node.op == "READ_VARIABLE" else node.inputs[1:]
    if not node.inputs or len(values) != 1 or values[0] < 0:
        raise operator_error(graph, node, "EP-705", "has the wrong number of operands", CONVERT_AGAIN)
    value = graph.values[values[0]]
    if node.inputs[0] not in handles:
        raise operator_error(
            graph, node, "EP-704", "takes its variable from elsewhere than VAR_HANDLE", "Keep the state in tf.Variable.", value
        )
    if value.dtype not in BYTES or value.elements == 0:
        raise operator_error(
            graph, node, "EP-704", f"keeps {value.dtype}{list(value.shape)}", "Keep int8 or int16 tensors as state.", value
        )
    return handles[node.inputs[0]], value


def _initial_values(graph: Graph) -> dict[Key, Value]:
    """The constants that CALL_ONCE assigns, before any other access."""
    initial: dict[Key, Value] = {}
    accessed = False
    for node in graph.nodes:
        accessed = accessed or node.op in ACCESSES
        if node.op != "CALL_ONCE":
            continue
        called = graph.initialisers.get(int(str(node.options.get("init_subgraph_index", 0))))
        if called is None:
            raise operator_error(graph, node, "EP-705", "calls a subgraph that is not there", CONVERT_AGAIN)
        if accessed:
            raise operator_error(graph, node, "EP-704", "comes after an access to a variable", "Initialise variables first.")
        called = fold_constants(called)
        handles = _handles(called)
        for inner in called.nodes:
            if inner.op == "VAR_HANDLE":
                continue
            if inner.op != "ASSIGN_VARIABLE":
                hint = "Give the variables constant initial values: tf.Variable(tf.zeros(shape))."
                raise operator_error(called, inner, "EP-704", "computes an initial state", hint)
            key, value = _access(called, inner, handles)
            if value.data is None:
                hint = "Give the variables constant initial values: tf.Variable(tf.zeros(shape))."
                raise operator_error(called, inner, "EP-704", "assigns a computed initial state", hint, value)
            initial[key] = value
    return initial


def _state(graph: Graph, variable: Value, initial: Value | None) -> State:
    """The variable with the bytes it has after reset."""
    if initial is None or initial.data is None:
        dtype = "uint8" if variable.dtype == "bool" else variable.dtype
        zero = variable.zero_point if variable.dtype in RANGES else 0
        low, high = RANGES.get(variable.dtype, (0, 0))
        if not low <= zero <= high:
            node = Node(index=0, op="READ_VARIABLE", inputs=(), outputs=())
            raise operator_error(graph, node, "EP-705", f"keeps a state of zero point {zero}", CONVERT_AGAIN, variable)
        return State(variable.id, np.full(variable.elements, zero, dtype).tobytes())
    if (initial.dtype, initial.bytes) != (variable.dtype, variable.bytes):
        node = Node(index=0, op="CALL_ONCE", inputs=(), outputs=())
        raise operator_error(graph, node, "EP-705", "initialises a variable of another size or type", CONVERT_AGAIN, initial)
    return State(variable.id, initial.data.tobytes())


def _same(value: Value, state: Value) -> bool:
    """Whether a value can be the state itself: shape, type and quantization agree."""
    mine, other = (
        (each.shape, each.dtype, tuple(each.scales), tuple(each.zero_points), each.data is None) for each in (value, state)
    )
    return mine == other


def _renamed(graph: Graph, old: int, new: int, dropped: Node) -> Graph:
    """Every use of value `old` replaced by `new`, and one operator left out."""
    nodes = []
    for node in graph.nodes:
        if node is not dropped:
            inputs = tuple(new if value == old else value for value in node.inputs)
            outputs = tuple(new if value == old else value for value in node.outputs)
            nodes.append(replace(node, inputs=inputs, outputs=outputs))
    return graph.with_nodes(nodes)


def _read_directly(graph: Graph, state: Value) -> Graph:
    """Let readers take the state itself where they all come before the next assignment.

    A reshape may turn into an alias, read later than the reshape: its value is copied.
    """
    for value in [node.outputs[0] for node in graph.nodes if node.op == "COPY" and node.inputs == (state.id,)]:
        copy, read = graph.producer(value), graph.values[value]
        position = {id(node): place for place, node in enumerate(graph.nodes)}
        if copy is None:
            continue
        readers = graph.consumers(read.id)
        written = [position[id(node)] for node in graph.nodes if state.id in node.outputs]
        later = [place for place in written if place > position[id(copy)]]
        if read.id in graph.outputs or not _same(read, state) or any(traits_of(node.op).same_bytes for node in readers):
            continue
        if all(position[id(node)] <= min(later, default=len(graph.nodes)) for node in readers):
            graph = _renamed(graph, read.id, state.id, copy)
    return graph


def _write_directly(graph: Graph, state: Value) -> Graph:
    """Let the operator that computes the only value assigned write it into the state, if all have read the state by then."""
    writers = [node for node in graph.nodes if state.id in node.outputs]
    if len(writers) != 1 or writers[0].op != "COPY":
        return graph
    copy = writers[0]
    value = graph.values[copy.inputs[0]]
    producer = graph.producer(value.id)
    states = {each.value for each in graph.states}
    if producer is None or producer.op == "COPY" or traits_of(producer.op).same_bytes or not _same(value, state):
        return graph
    if value.id in (*graph.inputs, *graph.outputs) or value.id in states:
        return graph
    place = next(index for index, node in enumerate(graph.nodes) if node is producer)
    if any(state.id in node.inputs for node in graph.nodes[place:]):
        return graph
    return _renamed(graph, value.id, state.id, copy)
