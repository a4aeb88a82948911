"""SavedModel folders: their graphs' operators and their layers' configurations are read before TensorFlow opens them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.ground.errors import ModelError
from edgepack.sources.keras.allowed_operators import OPERATORS, SAVING_OPERATORS
from edgepack.sources.keras.config import refuse_lambda, refuse_wrapper, unknown_layer
from edgepack.sources.keras.config_check import check_config, refused
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.user_code import standard_error

_METRIC = "_tf_keras_metric"


@dataclass(frozen=True)
class _Entry:
    """What is stored of a layer, model or metric; `kind` is the name Keras gives such objects."""

    kind: str
    metadata: str


def check_saved_model(path: Path, custom_objects: Mapping[str, Any]) -> None:
    """Refuse a SavedModel whose graphs hold operators that do more than compute, or whose layers name more than Keras's own.

    The functions that Keras finds as parts of its objects may hold `OPERATORS` only. TensorFlow writes operators that save and
    restore into the outer graph and into functions of it alone; these are not run when a SavedModel is opened and may be there.

    Raises:
        ModelError: EP-225 for one without the objects of TensorFlow 2, EP-237 for an operator, and what `check_config` says.
        OSError: it cannot be parsed.
    """
    import tensorflow

    stored = tensorflow.__internal__.saved_model.parse_saved_model(str(path))
    entries = list(_entries(stored, path))
    # Of several graphs, or one without objects, TensorFlow would run what the outer graph has for its initialisation.
    if len(stored.meta_graphs) != 1 or not stored.meta_graphs[0].object_graph_def.nodes or not entries:
        raise _without_layers(path)
    graph = stored.meta_graphs[0]
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    used = _reached(graph.object_graph_def.concrete_functions, functions)
    for name, function in functions.items():
        allowed = OPERATORS if name in used else OPERATORS | SAVING_OPERATORS
        _check_operators(function.node_def, functions, allowed, f"its function {name}", path)
    _check_operators(graph.graph_def.node, functions, OPERATORS | SAVING_OPERATORS, "its graph", path)
    for entry in entries:
        config = json.loads(entry.metadata)
        # A metric that Keras does not know is left out by Keras; it looks in no module for one.
        if entry.kind == _METRIC and isinstance(config, Mapping):
            config = config.get("config")
        check_config(config, path.name, custom_objects)


def open_saved_model(path: Path, custom_objects: Mapping[str, Any], trusted: bool) -> Any:
    """The Keras model of a SavedModel; those of TensorFlow before 2.5 keep its configuration within saved_model.pb.

    Raises:
        ModelError: EP-225 when it has no Keras layers, EP-223, EP-224 and EP-236 for layers that cannot be used.
    """
    tf_keras = import_tf_keras()
    with redirect_stdout(standard_error()):
        model = tf_keras.models.load_model(path, custom_objects=dict(custom_objects), compile=False)
    if not isinstance(model, tf_keras.Model):
        raise _without_layers(path)
    for layer in model._flatten_layers(include_self=True):
        if not trusted:
            refuse_lambda(type(layer).__name__, layer.name, path.name)
        refuse_wrapper(type(layer).__name__, layer.name, path.name)
        if type(layer).__module__.endswith("saved_model.load"):  # a stand-in that Keras makes for a class it does not know
            raise unknown_layer(type(layer).__name__, layer.name, path.name)
    return model


def _without_layers(path: Path) -> ModelError:
    return ModelError(
        "EP-225",
        f"{path.name}: a SavedModel without Keras layers, as export() and tf.saved_model.save write them",
        'save the model with model.save("model.keras"), or convert it to a .tflite yourself and give that',
    )


def _check_operators(nodes: Any, functions: Mapping[str, Any], allowed: frozenset[str], place: str, path: Path) -> None:
    for node in nodes:
        if node.op not in allowed and node.op not in functions:
            what = f"{place} has the operator {node.op} ({node.name}), which is not known to compute on tensors only"
            raise refused(what, path.name)


def _reached(names: Iterable[str], functions: Mapping[str, Any]) -> set[str]:
    """The functions of these names and all that they call."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in functions:
            continue
        found.add(name)
        waiting += _called(functions[name].node_def)
    return found


def _called(nodes: Any) -> Iterator[str]:
    for node in nodes:
        yield node.op
        for value in node.attr.values():
            yield value.func.name
            for function in value.list.func:
                yield function.name


def _entries(stored: Any, path: Path) -> Iterator[_Entry]:
    """The metadata of all Keras objects, from both places that versions of TensorFlow keep it in."""
    from tf_keras.protobuf import saved_metadata_pb2

    for graph in stored.meta_graphs:
        for node in graph.object_graph_def.nodes:
            if node.user_object.metadata:
                yield _Entry(node.user_object.identifier, node.user_object.metadata)
    file = path / "keras_metadata.pb"
    if file.is_file():
        metadata = saved_metadata_pb2.SavedMetadata()
        metadata.ParseFromString(file.read_bytes())
        for node in metadata.nodes:
            yield _Entry(node.identifier, node.metadata)
