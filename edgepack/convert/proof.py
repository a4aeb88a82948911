"""Proving what a .tflite holds: walking every tensor and operator of the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from edgepack.flatbuffer import Model, Operator, Subgraph
from edgepack.flatbuffer.names import operator_layer, result_names
from edgepack.flatbuffer.traits import traits_of
from edgepack.ground.errors import ConvertError

Scheme = Literal["int8", "int16x8", "float16", "dynamic", "float32"]

_INTEGER = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "int4", "bool", "resource"})
_NAMED_AT_MOST = 6


@dataclass(frozen=True)
class Proof:
    """What was found in every tensor and operator.

    `scheme` is what the file is, judged by its content. `operators` and `tensors` count operator names and tensor types over all
    subgraphs, `inputs` and `outputs` are the main graph's types. `float_layers` are the Keras layers of operators that compute
    with float numbers; empty exactly when the file is fully integer.
    """

    scheme: Scheme
    operators: dict[str, int]
    tensors: dict[str, int]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    float_layers: tuple[str, ...]

    @property
    def fully_integer(self) -> bool:
        """Whether nothing in the file is a float number."""
        return self.scheme in ("int8", "int16x8")


def prove(model: Model, scheme: str) -> Proof:
    """Check that every tensor, every operator, and inputs and outputs are what `scheme` says; "any" accepts whatever is there.

    For int8 and int16x8 every tensor that an operator reads or writes is an integer and the model's inputs and outputs are int8
    or int16 (int32 for token numbers). Intermediates of an LSTM, which only carry scales, do not count.

    Raises:
        ConvertError: EP-450 naming the Keras layers that stayed float; EP-453 for operators outside of TFLite's own.
    """
    operators: Counter[str] = Counter()
    tensors: Counter[str] = Counter()
    float_layers: dict[str, None] = {}
    borders: dict[str, None] = {}
    foreign: dict[str, None] = {}
    for number, graph in enumerate(model.subgraphs):
        results = result_names(model, number)
        used = {*graph.inputs, *graph.outputs}
        for operator in graph.operators:
            operators[operator.name] += 1
            used.update(index for index in (*operator.inputs, *operator.outputs) if index >= 0)
            if operator.name == "CUSTOM":
                foreign[f"{operator.custom_code} in layer {operator_layer(graph, operator, results)}"] = None
            if _floats(graph, operator):
                # What only converts between float and integer stands beside the layer to blame.
                found = borders if traits_of(operator.name).converts else float_layers
                found[operator_layer(graph, operator, results)] = None
        tensors.update(graph.tensors[index].dtype for index in used)
    main = model.subgraphs[0]
    inputs = tuple(main.tensors[index].dtype for index in main.inputs)
    outputs = tuple(main.tensors[index].dtype for index in main.outputs)
    proof = Proof(
        _judge(model, tensors, inputs + outputs),
        dict(sorted(operators.items())),
        dict(sorted(tensors.items())),
        inputs,
        outputs,
        tuple(float_layers or borders),
    )
    if scheme != "any":
        _demand(proof, scheme, tuple(foreign))
    return proof


def _floats(graph: Subgraph, operator: Operator) -> list[str]:
    used = [graph.tensors[index] for index in (*operator.inputs, *operator.outputs) if index >= 0]
    return [tensor.name for tensor in used if tensor.dtype not in _INTEGER]


def _judge(model: Model, tensors: Counter[str], ends: tuple[str, ...]) -> Scheme:
    if not set(tensors) - _INTEGER:
        activations = {
            graph.tensors[index].dtype
            for graph in model.subgraphs
            for operator in graph.operators
            for index in operator.outputs
            if graph.tensors[index].quantization is not None
        }
        return "int16x8" if "int16" in ends or (activations == {"int16"} and "int8" not in ends) else "int8"
    constants = {tensor.dtype for graph in model.subgraphs for tensor in graph.tensors if tensor.data is not None}
    if "float16" in constants:
        return "float16"
    return "dynamic" if "int8" in constants else "float32"


def _demand(proof: Proof, scheme: str, foreign: tuple[str, ...]) -> None:
    if foreign:
        raise ConvertError(
            "EP-453",
            f"the .tflite needs operators that TFLite has not built in: {_listed(foreign)}",
            "use layers made of built-in operators",
        )
    if scheme in ("int8", "int16x8"):
        if proof.float_layers:
            raise ConvertError(
                "EP-450",
                f"not fully {scheme}: these layers stayed float: {_listed(proof.float_layers)}",
                "exchange them for layers with an integer kernel (see the guide to compression), or choose another scheme",
            )
        wanted = {"int8": {"int8", "int32", "int64", "bool"}, "int16x8": {"int16", "int32", "int64", "bool"}}[scheme]
        for end, types in (("input", proof.inputs), ("output", proof.outputs)):
            wrong = [kind for kind in types if kind not in wanted]
            if wrong:
                raise ConvertError(
                    "EP-450", f"not fully {scheme}: an {end} of the model is {wrong[0]}", "please report it with the model"
                )
    if proof.scheme != scheme:
        raise ConvertError(
            "EP-450",
            f"the .tflite turned out {proof.scheme} where {scheme} was asked for",
            "the model may have no weights that this scheme applies to; choose int8",
        )


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
