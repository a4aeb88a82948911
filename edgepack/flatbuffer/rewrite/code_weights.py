"""A .tflite whose constants TensorFlow Lite Micro decodes when the model runs: each in the code that makes it smallest.

Only what the kernels read while they run may be computed there; what they want to know when they are prepared has to be
constant. A tensor is coded when that takes a tenth of its bytes from the file, with all that the code, its tables and the
operator add. It is decoded right before each operator that reads it, so that the arena holds it no longer than that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgepack.flatbuffer.decode import OPERATOR, Coded, smallest
from edgepack.flatbuffer.model import Model, Tensor
from edgepack.flatbuffer.names import operator_layer, result_names
from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack
from edgepack.flatbuffer.traits import traits_of

CODED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
"""Operators whose weights and biases may be decoded."""

OFFLINE_PLAN = "OfflineMemoryAllocation"
"""Metadata that say where in the arena each tensor of the file lies; it knows none of the decoded ones."""

# Bytes that a coded tensor adds beside its code, as files came out: two tensors and a buffer; an operator; one that decodes
# another tensor already.
_TENSOR, _OPERATOR, _MORE = 88, 40, 8

WORTH = 1 / 10
"""The part of its bytes that a tensor must lose. Weights as training leaves them can lose some hundredths to Huffman's code, but
decoding takes instructions in every run, and room in the arena."""


@dataclass(frozen=True)
class CodedTensor:
    """What became of a constant: the layer that reads it, the layer's operator, the code, and the bytes it took and takes."""

    layer: str
    operator: str
    how: str
    before: int
    after: int


@dataclass(frozen=True)
class CodedFile:
    """The file, and its coded tensors. When there are none, `why` says so and the file is the one that was given."""

    content: bytes
    tensors: tuple[CodedTensor, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class _Place:
    """A constant tensor that operators read: subgraph and tensor, its code, and the operators."""

    graph: int
    tensor: Tensor
    coded: Coded
    readers: tuple[int, ...]

    @property
    def operators(self) -> set[tuple[int, int]]:
        """The operators that read it, with their subgraph."""
        return {(self.graph, reader) for reader in self.readers}


def code_weights(data: bytes, model: Model) -> CodedFile:
    """The file `data`, which `model` was read from, with its constants coded where that makes the file smaller.

    Raises:
        ModelError: what `unpack` says.
    """
    if OFFLINE_PLAN in model.metadata:
        return CodedFile(data, why=f"the file plans its memory itself ({OFFLINE_PLAN}), without room for them decoded")
    if any(operator.custom_code == OPERATOR for graph in model.subgraphs for operator in graph.operators):
        return CodedFile(data, why="they are in codes already")
    chosen = _chosen(model)
    if not chosen:
        return CodedFile(data, why="none have few enough values, or zeros enough, for a code to take a tenth of their bytes away")
    content = pack(_rewritten(unpack(data), chosen))
    if len(content) >= len(data):
        return CodedFile(data, why=f"coded, the file would have {len(content):,} bytes, not fewer than its {len(data):,}")
    return CodedFile(content, tuple(_told(model, place) for place in chosen))


def _told(model: Model, place: _Place) -> CodedTensor:
    graph = model.subgraphs[place.graph]
    reader = graph.operators[place.readers[0]]
    layer = operator_layer(graph, reader, result_names(model, place.graph))
    return CodedTensor(layer, reader.name, place.coded.how, place.tensor.nbytes, place.coded.size)


def _chosen(model: Model) -> list[_Place]:
    """The tensors that are worth coding, in the file's order. Those that share a buffer are coded all or none."""
    chosen: list[_Place] = []
    decoding: set[tuple[int, int]] = set()
    for places in sorted(_candidates(model), key=_saving, reverse=True):
        operators = {operator for place in places for operator in place.operators}
        added = _TENSOR * len(places) + _OPERATOR * len(operators - decoding) + _MORE * len(operators & decoding)
        if _saving(places) - added >= WORTH * places[0].tensor.nbytes:
            chosen += places
            decoding |= operators
    return sorted(chosen, key=lambda place: (place.graph, place.tensor.index))


def _saving(places: list[_Place]) -> int:
    """Bytes that the code of tensors with one buffer saves, without what it adds to the file's structure."""
    parts = {part for place in places for part in (place.coded.encoded, place.coded.ancillary)}
    return places[0].tensor.nbytes - sum(-(-len(part) // 16) * 16 for part in parts)


def _candidates(model: Model) -> Iterator[list[_Place]]:
    """Constants that may be coded, those of one buffer together; every tensor of the buffer has to be one."""
    shared: dict[int, list[tuple[int, Tensor]]] = defaultdict(list)
    for number, graph in enumerate(model.subgraphs):
        for tensor in graph.tensors:
            if tensor.data is not None:
                shared[tensor.buffer].append((number, tensor))
    for tensors in shared.values():
        readers = [_readers(model, number, tensor) for number, tensor in tensors]
        if not all(readers):
            continue
        codes = [smallest(tensor) for _, tensor in tensors]
        if all(codes):
            yield [
                _Place(number, tensor, coded, found)
                for (number, tensor), coded, found in zip(tensors, codes, readers, strict=True)
                if coded is not None
            ]


def _readers(model: Model, number: int, tensor: Tensor) -> tuple[int, ...]:
    """The operators that read a tensor; none when anything reads it that needs it constant."""
    graph, found = model.subgraphs[number], []
    if tensor.index in graph.outputs:
        return ()
    for operator in graph.operators:
        places = [place for place, index in enumerate(operator.inputs) if index == tensor.index]
        if places:
            traits = traits_of(operator.name)
            if operator.name not in CODED or not set(places) <= {traits.weights, traits.bias}:
                return ()
            found.append(operator.index)
    return tuple(found)


def _rewritten(model: Any, chosen: list[_Place]) -> Any:
    """The objects of the file with coded buffers, and an operator before each that reads one."""
    model.operatorCodes.append(_operator_code())
    writer = _Writer(model)
    for place in chosen:
        writer.code(place)
    for number, graph in enumerate(model.subgraphs):
        here = [place for place in chosen if place.graph == number]
        before = {reader: [place for place in here if reader in place.readers] for place in here for reader in place.readers}
        operators = []
        for index, operator in enumerate(graph.operators):
            if index in before:
                operators.append(writer.decode(graph, operator, before[index]))
            operators.append(operator)
        graph.operators = operators
    return model


def _operator_code() -> Any:
    classes = schema()
    code = classes.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = classes.BuiltinOperator.CUSTOM
    code.customCode = OPERATOR
    code.version = 1
    return code


class _Writer:
    """Puts codes into a model's objects: equal bytes once."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._empty = next((number for number, buffer in enumerate(model.buffers) if buffer.data is None), len(model.buffers))
        if self._empty == len(model.buffers):
            model.buffers.append(schema().BufferT())
        self._taken = {entry.buffer for entry in model.metadata or ()}
        self._buffers: dict[bytes, int] = {}
        self._inputs: dict[tuple[int, bytes], int] = {}
        self._pairs: dict[tuple[int, int], list[int]] = {}
        self._decoded: set[tuple[int, int]] = set()

    def code(self, place: _Place) -> None:
        """Replace a tensor's content by its code, as two tensors that nothing reads yet."""
        graph = self._model.subgraphs[place.graph]
        tensor = graph.tensors[place.tensor.index]
        freed, tensor.buffer = tensor.buffer, self._empty
        self._pairs[place.graph, place.tensor.index] = [
            self._constant(graph, place.graph, part, freed) for part in (place.coded.encoded, place.coded.ancillary)
        ]
        _plain_channels(tensor, place.tensor)

    def decode(self, graph: Any, reader: Any, places: Iterable[_Place]) -> Any:
        """The operator that decodes what `reader` reads; of a tensor with more readers each has its own."""
        operator = schema().OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = [], []
        for place in places:
            key = place.graph, place.tensor.index
            output = place.tensor.index
            if key in self._decoded:
                again = copy(graph.tensors[output])
                again.name = None
                graph.tensors.append(again)
                output = len(graph.tensors) - 1
                reader.inputs = [output if index == place.tensor.index else index for index in reader.inputs]
            self._decoded.add(key)
            operator.inputs += self._pairs[key]
            operator.outputs.append(output)
        return operator

    def _constant(self, graph: Any, number: int, content: bytes, freed: int) -> int:
        """A tensor of these bytes; the buffer that became free holds the first."""
        if content not in self._buffers:
            if freed in self._taken:
                freed = len(self._model.buffers)
                self._model.buffers.append(schema().BufferT())
            self._taken.add(freed)
            self._buffers[content] = freed
            self._model.buffers[freed].data = np.frombuffer(content, np.uint8)
        if (number, content) not in self._inputs:
            tensor = schema().TensorT()
            tensor.shape, tensor.type, tensor.buffer = [len(content)], schema().TensorType.UINT8, self._buffers[content]
            graph.tensors.append(tensor)
            self._inputs[number, content] = len(graph.tensors) - 1
        return self._inputs[number, content]


def _plain_channels(tensor: Any, read: Tensor) -> None:
    """The quantized dimension as it was read: some files give that of the filters to a bias or to a single scale.

    The decoding kernels refuse a dimension that is neither the first nor counts several channels.
    """
    if read.quantization is not None:
        tensor.quantization = copy(tensor.quantization)
        tensor.quantization.quantizedDimension = read.quantization.axis if read.quantization.per_channel else 0
