"""TensorFlow's converter, holding a model's weights fewer times while it works."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from edgepack.ground.memory import give_back_memory


def lean(converter: Any) -> Any:
    """TensorFlow's class of converters of frozen graphs: the same bytes, with the weights once in the graph that is converted.

    TensorFlow's own also imports the frozen graph as a function, with six more copies at the worst moment, of which it reads
    only names, shapes and types of inputs and outputs: those of the function that is frozen. And it keeps the graph to the
    end, although nothing reads the weights in it once they were given to the C++ part.
    """
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    class Lean(converter):  # type: ignore[misc]
        def _freeze_concrete_function(self) -> Any:
            # Without TensorFlow's function of this name, the patch does nothing, and freezing takes what it takes.
            with patch.object(convert_to_constants, "_construct_concrete_function", _ends_only, create=True):
                graph, *ends = super()._freeze_concrete_function()
            inputs, outputs = ([tf.TensorSpec(one.shape, one.dtype, name=one.name) for one in end] for end in ends[:2])
            del ends
            given = _GivenOnce(graph)
            del graph
            give_back_memory()
            return given, inputs, outputs, None

    return Lean


class _Ends:
    """What is read of a frozen function: its inputs and outputs, without the variables that became constants."""

    def __init__(self, inputs: list[Any], outputs: list[Any]) -> None:
        self.inputs, self.outputs = inputs, outputs


def _ends_only(function: Any, _: Any, frozen: set[int]) -> _Ends:
    captured = function.graph.internal_captures
    constants = {id(captured[index]) for index in frozen}
    return _Ends([tensor for tensor in function.inputs if id(tensor) not in constants], list(function.outputs))


class _GivenOnce:
    """A graph that gives its bytes away once, and then is what it was without the weights.

    TensorFlow's converter looks at the nodes and the library before, and holds the graph until the end. A message of protobuf
    frees nothing of what is cleared in it.
    """

    def __init__(self, graph: Any) -> None:
        self._content: bytes = graph.SerializeToString()
        self._rest = type(graph)()
        self._rest.library.CopyFrom(graph.library)
        for node in graph.node:
            rest = self._rest.node.add(name=node.name, op=node.op)
            rest.experimental_debug_info.CopyFrom(node.experimental_debug_info)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rest, name)

    def SerializeToString(self) -> bytes:
        content, self._content = self._content, b""
        return content
