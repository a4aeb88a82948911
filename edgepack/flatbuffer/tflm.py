"""Operators that TensorFlow Lite for Microcontrollers has a kernel for.

From what tflite-micro's Python package (build 20261023) registers, which are the kernels that MicroMutableOpResolver offers
(tensorflow/lite/micro/micro_mutable_op_resolver.h); the tests ask the installed package for each operator of the schema.
"""

from __future__ import annotations

from edgepack.flatbuffer.decode import OPERATOR as DECODE
from edgepack.flatbuffer.model import Operator
from edgepack.flatbuffer.traits import TRAITS

BUILTIN = frozenset(name for name, traits in TRAITS.items() if traits.tflm)

CUSTOM = frozenset(
    """
    CIRCULAR_BUFFER SignalDelay SignalEnergy SignalFftAutoScale SignalFilterBank SignalFilterBankLog
    SignalFilterBankSpectralSubtraction SignalFilterBankSquareRoot SignalFramer SignalIrfft SignalOverlapAdd SignalPCAN
    SignalRfft SignalStacker SignalWindow TFLite_Detection_PostProcess
    """.split()  # noqa: SIM905
) | {DECODE}

_METHOD = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
    DECODE: "AddDecode",
}
"""Methods of MicroMutableOpResolver whose names do not follow the operator's."""


def in_tflm(operator: Operator) -> bool:
    """Whether TFLite Micro has a kernel of this name (it may still refuse the operator's types)."""
    return operator.custom_code in CUSTOM if operator.name == "CUSTOM" else operator.name in BUILTIN


def resolver_method(name: str) -> str:
    """The method of MicroMutableOpResolver that registers an operator, by its builtin or custom name.

    >>> resolver_method("DEPTHWISE_CONV_2D"), resolver_method("RELU6"), resolver_method("SignalRfft")
    ('AddDepthwiseConv2D', 'AddRelu6', 'AddRfft')
    """
    if name in _METHOD:
        return _METHOD[name]
    if name.startswith("Signal"):
        return "Add" + name.removeprefix("Signal")
    return "Add" + "".join(part.capitalize() if part != "2D" else part for part in name.split("_"))
