"""Who computes a tensor and who reads it, in a flat functional Keras model."""

from __future__ import annotations

from typing import Any


class Wiring:
    """The calls of a model's layers (Keras' nodes) in the order of computation, and how they are connected."""

    def __init__(self, model: Any) -> None:
        depths = sorted(model._nodes_by_depth, reverse=True)
        self.nodes = [node for depth in depths for node in model._nodes_by_depth[depth]]
        self._outputs = {id(tensor) for tensor in model.outputs}
        self._makers: dict[int, Any] = {}
        self._readers: dict[int, list[Any]] = {}
        self._calls: dict[str, list[Any]] = {}
        for node in self.nodes:
            self._calls.setdefault(node.layer.name, []).append(node)
            for tensor in results(node):
                self._makers[id(tensor)] = node
            for tensor in [] if node.is_input else node.keras_inputs:
                self._readers.setdefault(id(tensor), []).append(node)

    def calls(self, layer: Any) -> list[Any]:
        """The calls of a layer."""
        return self._calls.get(layer.name, [])

    def before(self, node: Any) -> Any:
        """The call that computes the only input of `node`, if nobody else reads it; else None."""
        tensors = node.keras_inputs
        if len(tensors) != 1 or len(self._readers[id(tensors[0])]) > 1 or id(tensors[0]) in self._outputs:
            return None
        maker = self._makers[id(tensors[0])]
        return None if maker.is_input or len(results(maker)) > 1 else maker

    def after(self, node: Any) -> Any:
        """The only call that reads the result of `node`, if that is its only input and no output of the model; else None."""
        tensors = results(node)
        readers = self._readers.get(id(tensors[0]), [])
        if len(tensors) != 1 or len(readers) != 1 or id(tensors[0]) in self._outputs:
            return None
        return readers[0] if len(readers[0].keras_inputs) == 1 else None

    def is_output(self, node: Any) -> bool:
        """Whether the model gives out a result of `node`."""
        return any(id(tensor) in self._outputs for tensor in results(node))


def results(node: Any) -> list[Any]:
    """The tensors that a call computes."""
    return list(node.outputs) if isinstance(node.outputs, list | tuple) else [node.outputs]
