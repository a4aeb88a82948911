"""What is true of each TFLite operator, whoever asks: one table, by the operator's name in the schema.

What only the C compiler needs to know of an operator (kernels, int16 form, what passes may do) is carried by its entry in
edgepack/compile/operators/table.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgepack.flatbuffer.rules import macs, shapes, values


@dataclass(frozen=True)
class Traits:
    """The traits of one operator.

    macs: Its multiply-accumulates; None where there are none worth counting.
    shape: The shape of its outputs; None where it is not known.
    evaluate: Its result on known plain numbers; None where nothing needs it. An exact rule, for shape arithmetic.
    same_bytes: Its output has the bytes of its first input, under another shape.
    converts: It changes the number format and nothing else.
    data: Which input holds what it computes on; of several the first.
    weights: Which input holds its one tensor of weights; -1: none, or several.
    bias: Which input holds its bias; -1: none.
    int16: TFLite, LiteRT and TFLite Micro have kernels with int16 activations, and int8 weights: a single layer can be given 16
        bits (edgepack/convert/mixed.py).
    fixed_range: TFLite fixes the scale and zero point of its output, whatever the values (softmax.cc, activations.cc).
    tflm: TFLite Micro has a kernel of that name (tflm.py).
    """

    macs: macs.Formula | None = None
    shape: shapes.Rule | None = None
    evaluate: values.Rule | None = None
    same_bytes: bool = False
    converts: bool = False
    data: int = 0
    weights: int = -1
    bias: int = -1
    int16: bool = False
    fixed_range: bool = False
    tflm: bool = False

    @property
    def keeps_values(self) -> bool:
        """Whether it changes the number format or the shape only, not the real values."""
        return self.same_bytes or self.converts


TRAITS: dict[str, Traits] = {
    # with weights, or products of two tensors
    "CONV_2D": Traits(macs=macs.convolution, shape=shapes.conv_2d, weights=1, bias=2, int16=True, tflm=True),
    "DEPTHWISE_CONV_2D": Traits(macs=macs.depthwise, shape=shapes.depthwise_conv_2d, weights=1, bias=2, int16=True, tflm=True),
    "TRANSPOSE_CONV": Traits(
        macs=macs.transpose_convolution, shape=shapes.first_value, data=2, weights=1, bias=3, int16=True, tflm=True
    ),
    "CONV_3D": Traits(macs=macs.convolution_3d, weights=1, bias=2),
    "FULLY_CONNECTED": Traits(macs=macs.fully_connected, shape=shapes.fully_connected, weights=1, bias=2, int16=True, tflm=True),
    "BATCH_MATMUL": Traits(macs=macs.matrix_product, shape=shapes.matmul, tflm=True),
    "EMBEDDING_LOOKUP": Traits(shape=shapes.embedding, data=1, tflm=True),
    # with a state
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Traits(macs=macs.recurrent, tflm=True),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Traits(macs=macs.recurrent),
    "UNIDIRECTIONAL_SEQUENCE_RNN": Traits(macs=macs.recurrent),
    "BIDIRECTIONAL_SEQUENCE_RNN": Traits(macs=macs.recurrent),
    "LSTM": Traits(macs=macs.recurrent),
    "RNN": Traits(macs=macs.recurrent),
    "SVDF": Traits(macs=macs.svdf, bias=3, tflm=True),
    "VAR_HANDLE": Traits(tflm=True),
    "READ_VARIABLE": Traits(tflm=True),
    "ASSIGN_VARIABLE": Traits(tflm=True),
    # control
    "CALL_ONCE": Traits(tflm=True),
    "IF": Traits(tflm=True),
    "WHILE": Traits(tflm=True),
    # pooling and reductions
    "AVERAGE_POOL_2D": Traits(shape=shapes.pool, int16=True, tflm=True),
    "MAX_POOL_2D": Traits(shape=shapes.pool, int16=True, tflm=True),
    "L2_POOL_2D": Traits(tflm=True),
    "MEAN": Traits(shape=shapes.reduction, int16=True, tflm=True),
    "SUM": Traits(shape=shapes.reduction, tflm=True),
    "REDUCE_MAX": Traits(shape=shapes.reduction, tflm=True),
    "REDUCE_MIN": Traits(shape=shapes.reduction, tflm=True),
    "REDUCE_PROD": Traits(shape=shapes.reduction, evaluate=values.product),
    "REDUCE_ANY": Traits(shape=shapes.reduction),
    "REDUCE_ALL": Traits(shape=shapes.reduction, tflm=True),
    "ARG_MAX": Traits(shape=shapes.search, tflm=True),
    "ARG_MIN": Traits(shape=shapes.search, tflm=True),
    "CUMSUM": Traits(shape=shapes.same, tflm=True),
    "TOPK_V2": Traits(shape=shapes.top_k),
    "SOFTMAX": Traits(shape=shapes.same, int16=True, fixed_range=True, tflm=True),
    "LOG_SOFTMAX": Traits(shape=shapes.same, fixed_range=True, tflm=True),
    "L2_NORMALIZATION": Traits(shape=shapes.same, tflm=True),
    # two or more tensors, element by element
    "ADD": Traits(shape=shapes.broadcast, evaluate=values.add, int16=True, tflm=True),
    "SUB": Traits(shape=shapes.broadcast, evaluate=values.subtract, int16=True, tflm=True),
    "MUL": Traits(shape=shapes.broadcast, evaluate=values.multiply, int16=True, tflm=True),
    "DIV": Traits(shape=shapes.broadcast, evaluate=values.divide, tflm=True),
    "FLOOR_DIV": Traits(shape=shapes.broadcast, evaluate=values.floor_divide, tflm=True),
    "FLOOR_MOD": Traits(shape=shapes.broadcast, evaluate=values.remainder, tflm=True),
    "POW": Traits(shape=shapes.broadcast),
    "ADD_N": Traits(shape=shapes.broadcast, tflm=True),
    "SQUARED_DIFFERENCE": Traits(shape=shapes.broadcast, tflm=True),
    "MAXIMUM": Traits(shape=shapes.broadcast, evaluate=values.maximum, tflm=True),
    "MINIMUM": Traits(shape=shapes.broadcast, evaluate=values.minimum, tflm=True),
    "PRELU": Traits(shape=shapes.same, tflm=True),
    "EQUAL": Traits(shape=shapes.broadcast, tflm=True),
    "NOT_EQUAL": Traits(shape=shapes.broadcast, tflm=True),
    "LESS": Traits(shape=shapes.broadcast, tflm=True),
    "LESS_EQUAL": Traits(shape=shapes.broadcast, tflm=True),
    "GREATER": Traits(shape=shapes.broadcast, tflm=True),
    "GREATER_EQUAL": Traits(shape=shapes.broadcast, tflm=True),
    "LOGICAL_AND": Traits(shape=shapes.broadcast, tflm=True),
    "LOGICAL_OR": Traits(shape=shapes.broadcast, tflm=True),
    "SELECT": Traits(shape=shapes.broadcast),
    "SELECT_V2": Traits(shape=shapes.broadcast, tflm=True),
    # functions of one element
    "QUANTIZE": Traits(shape=shapes.same, converts=True, tflm=True),
    "DEQUANTIZE": Traits(shape=shapes.same, converts=True, tflm=True),
    "CAST": Traits(shape=shapes.same, evaluate=values.first, tflm=True),
    "RELU": Traits(shape=shapes.same, int16=True, tflm=True),
    "RELU6": Traits(shape=shapes.same, tflm=True),
    "RELU_N1_TO_1": Traits(shape=shapes.same),
    "RELU_0_TO_1": Traits(shape=shapes.same),
    "LEAKY_RELU": Traits(shape=shapes.same, int16=True, tflm=True),
    "ELU": Traits(shape=shapes.same, tflm=True),
    "GELU": Traits(shape=shapes.same),
    "HARD_SWISH": Traits(shape=shapes.same, tflm=True),
    "LOGISTIC": Traits(shape=shapes.same, int16=True, fixed_range=True, tflm=True),
    "TANH": Traits(shape=shapes.same, int16=True, fixed_range=True, tflm=True),
    "ABS": Traits(shape=shapes.same, tflm=True),
    "SIGN": Traits(shape=shapes.same),
    "NEG": Traits(shape=shapes.same, tflm=True),
    "SQUARE": Traits(shape=shapes.same, tflm=True),
    "SQRT": Traits(shape=shapes.same, tflm=True),
    "RSQRT": Traits(shape=shapes.same, tflm=True),
    "EXP": Traits(shape=shapes.same, tflm=True),
    "LOG": Traits(shape=shapes.same, tflm=True),
    "SIN": Traits(shape=shapes.same, tflm=True),
    "COS": Traits(shape=shapes.same, tflm=True),
    "CEIL": Traits(shape=shapes.same, tflm=True),
    "FLOOR": Traits(shape=shapes.same, tflm=True),
    "ROUND": Traits(shape=shapes.same, tflm=True),
    "LOGICAL_NOT": Traits(shape=shapes.same, tflm=True),
    "ZEROS_LIKE": Traits(shape=shapes.same, evaluate=values.zeros, tflm=True),
    # movement and shapes
    "BATCH_TO_SPACE_ND": Traits(shape=shapes.batch_to_space, tflm=True),
    "BROADCAST_ARGS": Traits(tflm=True),
    "BROADCAST_TO": Traits(shape=shapes.second_value, evaluate=values.broadcast, tflm=True),
    "CONCATENATION": Traits(shape=shapes.concatenation, evaluate=values.concatenation, int16=True, tflm=True),
    "DEPTH_TO_SPACE": Traits(shape=shapes.depth_to_space, tflm=True),
    "DYNAMIC_UPDATE_SLICE": Traits(shape=shapes.same, tflm=True),
    "EXPAND_DIMS": Traits(shape=shapes.expand, evaluate=values.first, same_bytes=True, tflm=True),
    "FILL": Traits(shape=shapes.first_value, evaluate=values.fill, tflm=True),
    "GATHER": Traits(shape=shapes.gather, evaluate=values.gather, tflm=True),
    "GATHER_ND": Traits(shape=shapes.gather_nd, tflm=True),
    "ONE_HOT": Traits(shape=shapes.one_hot),
    "SCATTER_ND": Traits(shape=shapes.third_value, data=1),
    "MIRROR_PAD": Traits(tflm=True),
    "PACK": Traits(shape=shapes.pack, evaluate=values.pack, tflm=True),
    "PAD": Traits(shape=shapes.pad, int16=True, tflm=True),
    "PADV2": Traits(shape=shapes.pad, tflm=True),
    "RANGE": Traits(evaluate=values.arange),
    "RESHAPE": Traits(shape=shapes.reshape, evaluate=values.first, same_bytes=True, int16=True, tflm=True),
    "RESIZE_BILINEAR": Traits(shape=shapes.resize, tflm=True),
    "RESIZE_NEAREST_NEIGHBOR": Traits(shape=shapes.resize, tflm=True),
    "REVERSE_V2": Traits(shape=shapes.same, evaluate=values.reverse, tflm=True),
    "SHAPE": Traits(shape=shapes.rank, tflm=True),
    "SLICE": Traits(shape=shapes.slice_, evaluate=values.slice_, tflm=True),
    "SPACE_TO_BATCH_ND": Traits(shape=shapes.space_to_batch, tflm=True),
    "SPACE_TO_DEPTH": Traits(shape=shapes.space_to_depth, tflm=True),
    "SPLIT": Traits(shape=shapes.split, tflm=True),
    "SPLIT_V": Traits(tflm=True),
    "SQUEEZE": Traits(shape=shapes.squeeze, evaluate=values.first, same_bytes=True, tflm=True),
    "STRIDED_SLICE": Traits(shape=shapes.strided_slice, evaluate=values.strided, tflm=True),
    "TILE": Traits(shape=shapes.tile, evaluate=values.tile),
    "TRANSPOSE": Traits(shape=shapes.transpose, evaluate=values.transpose, tflm=True),
    "UNPACK": Traits(shape=shapes.unpack, tflm=True),
}

_UNKNOWN = Traits()


def traits_of(name: str) -> Traits:
    """The traits of an operator; those of an operator that is not listed say nothing.

    >>> traits_of("RESHAPE").same_bytes, traits_of("CUSTOM").tflm
    (True, False)
    """
    return TRAITS.get(name, _UNKNOWN)
