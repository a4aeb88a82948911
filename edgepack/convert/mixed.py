"""Mixed precision: single layers of an int8 .tflite with 16 bit activations, where the converter writes one type for all.

TFLite's integer kernels want inputs and output of one type, and only QUANTIZE changes between int8 and int16. A layer's output in
16 bits is therefore of use only when those that read it read 16 bits too: they compute in int16x8 (int16 activations, int8
weights, https://ai.google.dev/edge/litert/models/post_training_integer_quant_16x8), and QUANTIZE stands where int8 begins again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.select import matches
from edgepack.flatbuffer import Model, read_model
from edgepack.flatbuffer.names import operator_layer, result_names
from edgepack.flatbuffer.rewrite.objects import pack, schema, unpack
from edgepack.flatbuffer.traits import TRAITS
from edgepack.ground.errors import ConvertError

INT16_OPERATORS = frozenset(name for name, traits in TRAITS.items() if traits.int16)
# What LOGISTIC and SOFTMAX, and TANH, give in int8 (scale, zero point): in int16 they have the scale 1/32768 (softmax.cc,
# activations.cc), whatever the values, and so has whatever hands their results on.
_FIXED = ((1 / 256, -128), (1 / 128, 0))
_FIXED_SCALE = 2.0**-15
# Where scales of int16 tensors would be taken for powers of two unless the options say otherwise: those with pot_scale_int16.
_POWERS_OF_TWO = ("ADD", "SUB")
_LARGEST = 32767


@dataclass(frozen=True)
class Mixed:
    """A file with some layers in int16x8.

    `wide`: the Keras layers whose outputs have 16 bits; `computed`: every operator that runs in int16x8, by layer; `narrowed`:
    the layers that read a wide output in 8 bits all the same, because TFLite has no int16 kernel for them.
    """

    content: bytes
    wide: tuple[str, ...]
    computed: tuple[str, ...]
    narrowed: tuple[str, ...]


def mix(content: bytes, patterns: Sequence[str]) -> Mixed:
    """An int8 .tflite with 16 bit outputs for the Keras layers that match `patterns` (with * and ?).

    A wide tensor is symmetric (zero point 0) and spans the range of the int8 one, of which it has 256 times as many values; a
    bias is 64 bit, in steps of the new input scale. The model's own inputs and outputs stay int8.

    Raises:
        ConvertError: EP-457 when no layer matches, or one that does has no int16 kernel or gives nothing but the model's output.
    """
    model = read_model(content)
    names = _layers(model)
    chosen = [index for index, name in enumerate(names) if matches(name, patterns)]
    missing = [pattern for pattern in patterns if not any(matches(name, [pattern]) for name in names)]
    if missing:
        raise ConvertError(
            "EP-457",
            f"quantize: int16 names {missing[0]!r}, and the .tflite has no layer of that name",
            f"its layers are {', '.join(dict.fromkeys(names))}",
        )
    return _Rewriter(content, model, names).rewrite(chosen)


def _layers(model: Model) -> list[str]:
    """The Keras layer of each operator of the main graph."""
    graph, results = model.subgraphs[0], result_names(model)
    return [operator_layer(graph, operator, results) for operator in graph.operators]


class _Rewriter:
    """One file's main graph, as the plain model that was read and as the objects that are changed."""

    def __init__(self, content: bytes, model: Model, names: Sequence[str]) -> None:
        self._schema = schema()
        self._model, self._graph, self._names = model, model.subgraphs[0], names
        self._objects = unpack(content)
        self._target = self._objects.subgraphs[0]
        self._twins: dict[int, int] = {}

    def rewrite(self, chosen: Sequence[int]) -> Mixed:
        """The file with wide outputs for the operators number `chosen`."""
        wide = self._wide_tensors(chosen)
        operators, computed, narrowed = [], [], []
        in_int8: set[int] = set()  # wide tensors that are there in 8 bits too
        for number, operator in enumerate(self._graph.operators):
            found = self._target.operators[number]
            reads = list(dict.fromkeys(index for index in operator.inputs if index in wide))
            if not reads and not wide.intersection(operator.outputs):
                operators.append(found)
            elif operator.name not in INT16_OPERATORS:
                narrowed.append(self._names[number])
                operators += [self._quantize(self._twin(index), index) for index in reads if index not in in_int8]
                in_int8.update(reads)
                operators.append(found)
            else:
                computed.append(self._names[number])
                inputs = dict.fromkeys(index for index in operator.inputs if self._activation(index))
                fresh = [index for index in inputs if index not in self._twins]
                operators += [self._quantize(index, self._twin(index)) for index in fresh]
                self._make_wide(number, found)
                operators.append(found)
                operators += [self._quantize(self._twin(index), index) for index in operator.outputs if index not in wide]
        self._target.operators = operators
        self._drop_unused()
        layers = (tuple(dict.fromkeys(found)) for found in ([self._names[number] for number in chosen], computed, narrowed))
        return Mixed(pack(self._objects), *layers)

    def _wide_tensors(self, chosen: Sequence[int]) -> set[int]:
        wide: set[int] = set()
        for number in chosen:
            operator = self._graph.operators[number]
            if operator.name not in INT16_OPERATORS or not all(map(self._activation, operator.outputs)):
                raise ConvertError(
                    "EP-457",
                    f"quantize: int16 names the layer {self._names[number]}, and {operator.name} has no int16 kernel",
                    f"leave it out; there are kernels for {', '.join(sorted(INT16_OPERATORS))}",
                )
            wide.update(operator.outputs)
        wide -= set(self._graph.outputs)
        if not wide:
            name = self._names[chosen[0]]
            raise ConvertError(
                "EP-457",
                f"quantize: int16 names only {name}, whose output is the model's own and stays int8",
                "name the layers before it",
            )
        return wide

    def _activation(self, index: int) -> bool:
        """Whether a tensor is computed and int8."""
        if index < 0:
            return False
        tensor = self._graph.tensors[index]
        return tensor.data is None and tensor.dtype == "int8" and tensor.quantization is not None

    def _make_wide(self, number: int, found: Any) -> None:
        """Turn an operator into its int16x8 form, in place."""
        operator = self._graph.operators[number]
        traits = TRAITS[operator.name]
        inputs = list(operator.inputs)
        for place, index in enumerate(inputs):
            if index < 0 or place in (traits.weights, traits.bias):
                continue
            if self._activation(index):
                inputs[place] = self._twin(index)
            elif self._graph.tensors[index].dtype == "int8":
                inputs[place] = self._wide_constant(index)
        if 0 <= traits.bias < len(inputs) and inputs[traits.bias] >= 0:
            kernel = operator.inputs[traits.weights]
            inputs[traits.bias] = self._wide_bias(operator.inputs[traits.bias], inputs[traits.data], kernel)
        found.inputs = np.array(inputs, np.int32)
        found.outputs = np.array([self._twin(index) for index in operator.outputs], np.int32)
        if operator.name in _POWERS_OF_TWO:
            found.builtinOptions.potScaleInt16 = False

    def _twin(self, index: int) -> int:
        """The int16 tensor that stands for an int8 one; tensors of one scale and zero point get one scale again."""
        if index not in self._twins:
            tensor = self._graph.tensors[index]
            assert tensor.quantization is not None
            (scale,), (zero,) = tensor.quantization.scales, tensor.quantization.zero_points
            wide = _FIXED_SCALE if (scale, zero) in _FIXED else scale * max(128 + zero, 127 - zero) / _LARGEST
            self._twins[index] = self._tensor(index, "INT16", wide, "_int16")
        return self._twins[index]

    def _wide_constant(self, index: int) -> int:
        tensor = self._graph.tensors[index]
        assert tensor.quantization is not None and tensor.data is not None
        (scale,), (zero,) = tensor.quantization.scales, tensor.quantization.zero_points
        values = (np.asarray(tensor.data, np.float64) - zero) * scale
        step = max(float(np.abs(values).max()), float(np.finfo(np.float32).tiny)) / _LARGEST
        return self._tensor(index, "INT16", step, "_int16", np.rint(values / step).astype("<i2"))

    def _wide_bias(self, index: int, data: int, weights: int) -> int:
        """The bias as int64, in steps of the int16 input's scale times those of the weights."""
        tensor, kernel = self._graph.tensors[index], self._graph.tensors[weights]
        assert tensor.quantization is not None and kernel.quantization is not None and tensor.data is not None
        step = float(self._target.tensors[data].quantization.scale[0]) * np.asarray(kernel.quantization.scales)
        values = np.asarray(tensor.data, np.float64) * np.asarray(tensor.quantization.scales)
        return self._tensor(index, "INT64", step, "_int64", np.rint(values / step).astype("<i8"))

    def _tensor(self, like: int, kind: str, scale: Any, ending: str, values: NDArray[Any] | None = None) -> int:
        """A new tensor of the shape and name of number `like`."""
        classes, old = self._schema, self._target.tensors[like]
        tensor, quantization = classes.TensorT(), classes.QuantizationParametersT()
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        quantization.scale, quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
        tensor.name, tensor.shape, tensor.shapeSignature = bytes(old.name) + ending.encode(), old.shape, old.shapeSignature
        tensor.hasRank, tensor.type, tensor.quantization = old.hasRank, getattr(classes.TensorType, kind), quantization
        tensor.buffer = 0
        if values is not None:
            buffer = classes.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self._objects.buffers)
            self._objects.buffers.append(buffer)
        self._target.tensors.append(tensor)
        return len(self._target.tensors) - 1

    def _quantize(self, source: int, result: int) -> Any:
        """A QUANTIZE between int8 and int16."""
        classes = self._schema
        operator = classes.OperatorT()
        operator.opcodeIndex = self._code(classes.BuiltinOperator.QUANTIZE)
        operator.inputs, operator.outputs = np.array([source], np.int32), np.array([result], np.int32)
        operator.builtinOptionsType, operator.builtinOptions = classes.BuiltinOptions.QuantizeOptions, classes.QuantizeOptionsT()
        return operator

    def _code(self, builtin: int) -> int:
        """The entry of the file's operator list for an operator, added where it is not there."""
        codes = self._objects.operatorCodes
        for index, code in enumerate(codes):
            if code.builtinCode == builtin:
                return index
        code = self._schema.OperatorCodeT()
        code.builtinCode, code.version, code.deprecatedBuiltinCode = builtin, 1, min(builtin, 127)
        codes.append(code)
        return len(codes) - 1

    def _drop_unused(self) -> None:
        """Take out tensors that nothing reads or writes any more, their content, and operators that are not in use."""
        used = {index for operator in self._target.operators for index in (*operator.inputs, *operator.outputs)}
        used.update(self._target.inputs, self._target.outputs)
        used.update(index for operator in self._target.operators for index in _listed(operator.intermediates))
        kept = [index for index in range(len(self._target.tensors)) if index in used]
        places = {index: place for place, index in enumerate(kept)} | {-1: -1}

        def moved(indices: Any) -> Any:
            return np.array([places[int(index)] for index in indices], np.int32)

        self._target.tensors = [self._target.tensors[index] for index in kept]
        self._target.inputs, self._target.outputs = moved(self._target.inputs), moved(self._target.outputs)
        for operator in self._target.operators:
            operator.inputs, operator.outputs = moved(operator.inputs), moved(operator.outputs)
            if operator.intermediates is not None:
                operator.intermediates = moved(operator.intermediates)
        for signature in self._objects.signatureDefs or []:
            for entry in (*signature.inputs, *signature.outputs):
                entry.tensorIndex = places[entry.tensorIndex]
        read = {tensor.buffer for graph in self._objects.subgraphs for tensor in graph.tensors}
        read.update(entry.buffer for entry in self._objects.metadata or [])
        for number, buffer in enumerate(self._objects.buffers):
            if number not in read:
                buffer.data = None
        codes = sorted({operator.opcodeIndex for graph in self._objects.subgraphs for operator in graph.operators})
        self._objects.operatorCodes = [self._objects.operatorCodes[index] for index in codes]
        for graph in self._objects.subgraphs:
            for operator in graph.operators:
                operator.opcodeIndex = codes.index(operator.opcodeIndex)


def _listed(indices: Any) -> Iterator[int]:
    return iter(() if indices is None else indices)
