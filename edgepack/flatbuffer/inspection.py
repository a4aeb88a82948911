"""What a model consists of and costs, layer by layer, from the file alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from edgepack.flatbuffer.decode import OPERATOR as DECODE
from edgepack.flatbuffer.decode import plain_model
from edgepack.flatbuffer.macs import operator_macs
from edgepack.flatbuffer.memory import PeakMemory, live_bytes, peak_memory
from edgepack.flatbuffer.model import Model, Operator, Subgraph, Tensor
from edgepack.flatbuffer.names import operator_layer, result_names
from edgepack.flatbuffer.obstacles import Obstacle, obstacle
from edgepack.flatbuffer.tflm import in_tflm
from edgepack.flatbuffer.traits import traits_of
from edgepack.flatbuffer.weights import EMPTY, Statistics, is_parameter, statistics


@dataclass(frozen=True)
class TensorFacts:
    """A tensor in short. `channels` is the number of scales: 0 unquantized, 1 per tensor; scale and zero point are the first."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int
    scale: float | None
    zero_point: int | None
    channels: int


@dataclass(frozen=True)
class LayerFacts:
    """An operator: where it comes from, what it computes and what it stores.

    `parameters` and `bytes` count kernels and biases, each tensor at the first operator that uses it. `weights` describes
    the kernels alone. `live_bytes` are the computed tensors that exist while it runs.
    """

    subgraph: int
    index: int
    operator: str
    layer: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    constants: tuple[TensorFacts, ...]
    options: dict[str, object]
    macs: int
    parameters: int
    bytes: int
    weights: Statistics
    quantization: str
    live_bytes: int
    in_tflm: bool


@dataclass(frozen=True)
class Totals:
    """Sums over all operators.

    A subgraph counts once however often it is called. `zeros`, `weights` and `entropy` (bits per weight, the mean over all
    weights of their layer's entropy) are of kernels; `entropy_bytes` is what the kernels take at that entropy.
    """

    operators: int
    macs: int
    parameters: int
    parameter_bytes: int
    weights: int
    zeros: int
    entropy: float
    entropy_bytes: int


@dataclass(frozen=True)
class Inspection:
    """A model's inventory. `outside_tflm` names the operators that TFLite Micro has no kernel for.

    `obstacle` says what the file is when it is no integer model, and what to do.
    """

    sha256: str
    size_bytes: int
    description: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    layers: tuple[LayerFacts, ...]
    totals: Totals
    peak: PeakMemory
    operator_counts: dict[str, int]
    outside_tflm: tuple[str, ...]
    obstacle: Obstacle | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain dictionaries, lists and numbers."""
        return asdict(self)


def inspect_model(model: Model) -> Inspection:
    """Per layer and in total: shapes, multiply-accumulates, parameters, the statistics of the weights, memory."""
    layers: list[LayerFacts] = []
    tally = _Tally()
    decoded = plain_model(model).subgraphs
    for number, graph in enumerate(model.subgraphs):
        results = result_names(model, number)
        live = live_bytes(graph)
        plain = replace(graph, tensors=decoded[number].tensors)
        for operator in graph.operators:
            if operator.custom_code == DECODE:
                tally.decoded.update((number, index) for index in operator.outputs)
            layers.append(_layer(number, plain, operator, results, live[operator.index], tally))
    main = model.subgraphs[0]
    names = [_name(operator) for graph in model.subgraphs for operator in graph.operators]
    outside = {_name(operator) for graph in model.subgraphs for operator in graph.operators if not in_tflm(operator)}
    return Inspection(
        sha256=model.sha256,
        size_bytes=model.size_bytes,
        description=model.description,
        inputs=tuple(tensor_facts(main.tensors[index]) for index in main.inputs),
        outputs=tuple(tensor_facts(main.tensors[index]) for index in main.outputs),
        layers=tuple(layers),
        totals=_totals(layers, tally),
        peak=peak_memory(model.subgraphs),
        operator_counts=dict(sorted(Counter(names).items())),
        outside_tflm=tuple(sorted(outside)),
        obstacle=obstacle(model),
    )


def tensor_facts(tensor: Tensor) -> TensorFacts:
    """A tensor in short."""
    quantization = tensor.quantization
    return TensorFacts(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        bytes=tensor.nbytes,
        scale=quantization.scales[0] if quantization else None,
        zero_point=quantization.zero_points[0] if quantization else None,
        channels=len(quantization.scales) if quantization else 0,
    )


@dataclass
class _Tally:
    """What has been counted already: constants may be shared between operators. `decoded` are stored where they are decoded."""

    decoded: set[tuple[int, int]] = field(default_factory=set)
    counted: set[tuple[int, int]] = field(default_factory=set)
    known: dict[tuple[int, ...], Statistics] = field(default_factory=dict)
    kernels: list[Statistics] = field(default_factory=list)


def _layer(number: int, graph: Subgraph, operator: Operator, results: dict[int, str], live: int, tally: _Tally) -> LayerFacts:
    inputs = [(place, graph.tensors[index]) for place, index in enumerate(operator.inputs) if index >= 0]
    parameters = [(place, tensor) for place, tensor in inputs if is_parameter(tensor)]
    fresh = list(dict.fromkeys(tensor for _, tensor in parameters if (number, tensor.index) not in tally.counted))
    tally.counted.update((number, tensor.index) for tensor in fresh)
    coded = operator.custom_code == DECODE  # bytes that are no parameters
    kernels = list(dict.fromkeys(tensor for place, tensor in parameters if not coded and not _is_bias(operator, place, tensor)))
    unshared = any((number, tensor.index) in tally.decoded for tensor in kernels)
    weights = _statistics(kernels, {} if unshared else tally.known)
    if not set(fresh).isdisjoint(kernels):
        tally.kernels.append(weights)
    outputs = [graph.tensors[index] for index in operator.outputs]
    return LayerFacts(
        subgraph=number,
        index=operator.index,
        operator=_name(operator),
        layer=operator_layer(graph, operator, results),
        inputs=tuple(tensor_facts(tensor) for _, tensor in inputs if tensor.data is None),
        outputs=tuple(tensor_facts(tensor) for tensor in outputs),
        constants=tuple(tensor_facts(tensor) for _, tensor in parameters),
        options=operator.options,
        macs=operator_macs(graph, operator),
        parameters=0 if coded else sum(tensor.elements for tensor in fresh),
        bytes=sum(_stored_bytes(tensor) for tensor in fresh if (number, tensor.index) not in tally.decoded),
        weights=weights,
        quantization=_scheme(kernels, [tensor for _, tensor in inputs if tensor.data is None] + outputs),
        live_bytes=live,
        in_tflm=in_tflm(operator),
    )


def _stored_bytes(tensor: Tensor) -> int:
    return tensor.data.nbytes if tensor.sparse and tensor.data is not None else tensor.nbytes


def _name(operator: Operator) -> str:
    return f"CUSTOM {operator.custom_code}" if operator.name == "CUSTOM" else operator.name


MAX_KERNELS = 32
"""No TFLite operator has more weights; a damaged file may say so."""


def _is_bias(operator: Operator, place: int, tensor: Tensor) -> bool:
    return traits_of(operator.name).bias == place or tensor.dtype in ("int32", "int64")


def _statistics(kernels: Sequence[Tensor], known: dict[tuple[int, ...], Statistics]) -> Statistics:
    """Statistics of a layer's kernels, computed once for kernels that share a buffer."""
    same = [tensor for tensor in kernels[:MAX_KERNELS] if tensor.dtype == kernels[0].dtype]
    if not same:
        return EMPTY
    key = tuple(tensor.buffer for tensor in same)
    if key not in known:
        known[key] = statistics(same)
    return known[key]


def _scheme(kernels: Sequence[Tensor], computed: Sequence[Tensor]) -> str:
    """How a layer is quantized, such as "int8, weights int8 x64" (64 scales) or "float32"."""
    activations = "/".join(sorted({tensor.dtype for tensor in computed}))
    weights = []
    for tensor in kernels:
        channels = len(tensor.quantization.scales) if tensor.quantization else 0
        weights.append(f"{tensor.dtype} x{channels}" if channels > 1 else tensor.dtype)
    return f"{activations}, weights {'/'.join(sorted(set(weights)))}" if weights else activations


def _totals(layers: Sequence[LayerFacts], tally: _Tally) -> Totals:
    weights = sum(kernel.elements for kernel in tally.kernels)
    bits = sum(kernel.elements * kernel.entropy for kernel in tally.kernels)
    return Totals(
        operators=len(layers),
        macs=sum(layer.macs for layer in layers),
        parameters=sum(layer.parameters for layer in layers),
        parameter_bytes=sum(layer.bytes for layer in layers),
        weights=weights,
        zeros=sum(kernel.zeros for kernel in tally.kernels),
        entropy=bits / weights if weights else 0.0,
        entropy_bytes=math.ceil(bits / 8),
    )
