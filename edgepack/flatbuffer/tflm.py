"""Operators that TensorFlow Lite for Microcontrollers has a kernel for.

From what tflite-micro's Python package (build 20261023) registers, which are the kernels that MicroMutableOpResolver offers
(tensorflow/lite/micro/micro_mutable_op_resolver.h); the tests ask the installed package for each operator of the schema.
"""

from __future__ import annotations

from edgepack.flatbuffer.model import Operator

BUILTIN = frozenset(
    """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO
    CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV
    DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER
    GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
    PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR
    REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE
    SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
    VAR_HANDLE WHILE ZEROS_LIKE
    """.split()  # noqa: SIM905
)

CUSTOM = frozenset(
    """
    CIRCULAR_BUFFER SignalDelay SignalEnergy SignalFftAutoScale SignalFilterBank SignalFilterBankLog
    SignalFilterBankSpectralSubtraction SignalFilterBankSquareRoot SignalFramer SignalIrfft SignalOverlapAdd SignalPCAN
    SignalRfft SignalStacker SignalWindow TFLite_Detection_PostProcess
    """.split()  # noqa: SIM905
)

_METHOD = {
    "BATCH_MATMUL": "AddBatchMatMul",
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
    "CIRCULAR_BUFFER": "AddCircularBuffer",
    "TFLite_Detection_PostProcess": "AddDetectionPostprocess",
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
