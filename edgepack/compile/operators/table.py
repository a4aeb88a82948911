"""Every operator that becomes C, a family a block: what is not listed here is not compiled.

A name stands for the operator as the file that checks it defines it; `with_kernels` adds kernels from files beside that, for some
cores or shapes, and `with_forms` its forms on int16 and other types. Of kernels of equal cost the first listed is taken.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edgepack.compile.operators import batch_matmul
from edgepack.compile.operators.activations import (
    abs_rsqrt,
    float_lookup,
    float_table,
    hard_swish,
    leaky_relu,
    logistic_tanh_exp,
    neg,
    relu,
)
from edgepack.compile.operators.activations import int16 as activations_int16
from edgepack.compile.operators.add import dsp as add_dsp
from edgepack.compile.operators.add import generic as add
from edgepack.compile.operators.add import int16 as add_int16
from edgepack.compile.operators.add import mve as add_mve
from edgepack.compile.operators.add import products as add_products
from edgepack.compile.operators.conv_2d import blocks as conv_2d_blocks
from edgepack.compile.operators.conv_2d import blocks_lanes as conv_2d_blocks_lanes
from edgepack.compile.operators.conv_2d import dsp as conv_2d_dsp
from edgepack.compile.operators.conv_2d import gemm as conv_2d_gemm
from edgepack.compile.operators.conv_2d import generic as conv_2d
from edgepack.compile.operators.conv_2d import int16 as conv_2d_int16
from edgepack.compile.operators.conv_2d import lanes as conv_2d_lanes
from edgepack.compile.operators.conv_2d import mve as conv_2d_mve
from edgepack.compile.operators.conv_2d import sparse as conv_2d_sparse
from edgepack.compile.operators.conv_2d import wide as conv_2d_wide
from edgepack.compile.operators.depthwise_conv_2d import dsp as depthwise_dsp
from edgepack.compile.operators.depthwise_conv_2d import dsp_3x3 as depthwise_3x3
from edgepack.compile.operators.depthwise_conv_2d import generic as depthwise
from edgepack.compile.operators.depthwise_conv_2d import int16 as depthwise_int16
from edgepack.compile.operators.depthwise_conv_2d import lanes as depthwise_lanes
from edgepack.compile.operators.depthwise_conv_2d import mve as depthwise_mve
from edgepack.compile.operators.depthwise_conv_2d import wide as depthwise_wide
from edgepack.compile.operators.elementwise import (
    add_n,
    compare,
    div,
    integers,
    logical,
    maximum,
    mul,
    prelu,
    select,
    squared_difference,
    sub,
    unary,
)
from edgepack.compile.operators.elementwise import int16 as elementwise_int16
from edgepack.compile.operators.fully_connected import blocks as fully_connected_blocks
from edgepack.compile.operators.fully_connected import blocks_lanes as fully_connected_blocks_lanes
from edgepack.compile.operators.fully_connected import codes as fully_connected_codes
from edgepack.compile.operators.fully_connected import dsp as fully_connected_dsp
from edgepack.compile.operators.fully_connected import gemm as fully_connected_gemm
from edgepack.compile.operators.fully_connected import generic as fully_connected
from edgepack.compile.operators.fully_connected import int16 as fully_connected_int16
from edgepack.compile.operators.fully_connected import lanes as fully_connected_lanes
from edgepack.compile.operators.fully_connected import mve as fully_connected_mve
from edgepack.compile.operators.fully_connected import shared as fully_connected_shared
from edgepack.compile.operators.fully_connected import wide as fully_connected_wide
from edgepack.compile.operators.kernel import FROM_UINT8, Operator
from edgepack.compile.operators.movement import (
    concatenation,
    dynamic_update_slice,
    gather,
    mirror_pad,
    nd,
    pad,
    repeating,
    reshape,
    resize,
    resize_float,
    space_depth,
    split,
    strided_slice,
    transpose,
)
from edgepack.compile.operators.pool_2d import generic as pool_2d
from edgepack.compile.operators.pool_2d import mve as pool_2d_mve
from edgepack.compile.operators.quantize import cast, rescale
from edgepack.compile.operators.quantize import generic as quantize
from edgepack.compile.operators.quantize import int16 as quantize_int16
from edgepack.compile.operators.quantize import uint8 as quantize_uint8
from edgepack.compile.operators.recurrent import lstm, svdf
from edgepack.compile.operators.reductions import arg_max, cumsum, l2_normalization, max_min_sum, mean, prod, top_k
from edgepack.compile.operators.reductions import integers as reduce_integers
from edgepack.compile.operators.softmax import generic as softmax
from edgepack.compile.operators.softmax import int16 as softmax_int16
from edgepack.compile.operators.softmax import log as log_softmax
from edgepack.compile.operators.transpose_conv import generic as transpose_conv
from edgepack.compile.operators.transpose_conv import int16 as transpose_conv_int16
from edgepack.compile.operators.transpose_conv import wide as transpose_conv_wide

_ALL: tuple[Operator[Any], ...] = (
    # with weights
    conv_2d.CONV_2D.with_kernels(
        conv_2d_dsp.KERNEL,
        conv_2d_gemm.KERNEL,
        *conv_2d_lanes.KERNELS,
        *conv_2d_mve.KERNELS,
        conv_2d_wide.KERNEL,
        conv_2d_blocks.KERNEL,
        conv_2d_blocks_lanes.KERNEL,
        conv_2d_sparse.KERNEL,
    ).with_forms(int16=conv_2d_int16.CONV_2D),
    depthwise.DEPTHWISE_CONV_2D.with_kernels(
        depthwise_dsp.KERNEL, depthwise_3x3.KERNEL, *depthwise_lanes.KERNELS, depthwise_mve.KERNEL, depthwise_wide.KERNEL
    ).with_forms(int16=depthwise_int16.DEPTHWISE_CONV_2D),
    fully_connected.FULLY_CONNECTED.with_kernels(
        fully_connected_dsp.KERNEL,
        fully_connected_gemm.KERNEL,
        fully_connected_shared.KERNEL,
        fully_connected_lanes.KERNEL,
        fully_connected_mve.KERNEL,
        fully_connected_wide.KERNEL,
        *fully_connected_codes.KERNELS,
        fully_connected_blocks.KERNEL,
        fully_connected_blocks_lanes.KERNEL,
    ).with_forms(int16=fully_connected_int16.FULLY_CONNECTED),
    transpose_conv.TRANSPOSE_CONV.with_kernels(transpose_conv_wide.KERNEL).with_forms(int16=transpose_conv_int16.TRANSPOSE_CONV),
    lstm.UNIDIRECTIONAL_SEQUENCE_LSTM,
    svdf.SVDF,
    batch_matmul.BATCH_MATMUL,
    # pooling and reductions
    pool_2d.AVERAGE_POOL_2D.with_kernels(pool_2d_mve.AVERAGE).with_forms(from_uint8=pool_2d.AVERAGE_FROM_UINT8),
    pool_2d.MAX_POOL_2D,
    mean.MEAN,
    max_min_sum.SUM.with_forms(int32=reduce_integers.SUM, int64=reduce_integers.SUM),
    max_min_sum.REDUCE_MAX.with_forms(
        int16=reduce_integers.REDUCE_MAX, int32=reduce_integers.REDUCE_MAX, int64=reduce_integers.REDUCE_MAX
    ),
    max_min_sum.REDUCE_MIN.with_forms(
        int16=reduce_integers.REDUCE_MIN, int32=reduce_integers.REDUCE_MIN, int64=reduce_integers.REDUCE_MIN
    ),
    prod.REDUCE_PROD.with_forms(int32=reduce_integers.REDUCE_PROD, int64=reduce_integers.REDUCE_PROD),
    reduce_integers.REDUCE_ANY,
    reduce_integers.REDUCE_ALL,
    cumsum.CUMSUM,
    top_k.TOPK_V2,
    arg_max.ARG_MAX,
    arg_max.ARG_MIN,
    l2_normalization.L2_NORMALIZATION,
    softmax.SOFTMAX.with_forms(int16=softmax_int16.SOFTMAX),
    log_softmax.LOG_SOFTMAX,
    # two or more tensors, element by element
    add.ADD.with_kernels(add_dsp.KERNEL, add_products.SCALED, add_products.PRODUCTS, add_mve.KERNEL).with_forms(
        int16=add_int16.ADD, int32=integers.ADD, int64=integers.ADD
    ),
    sub.SUB.with_forms(int16=elementwise_int16.SUB, int32=integers.SUB, int64=integers.SUB),
    mul.MUL.with_forms(int16=elementwise_int16.MUL, int32=integers.MUL, int64=integers.MUL),
    div.DIV.with_forms(int32=integers.DIV, int64=integers.DIV),
    integers.FLOOR_DIV,
    integers.FLOOR_MOD,
    add_n.ADD_N,
    squared_difference.SQUARED_DIFFERENCE,
    prelu.PRELU,
    maximum.MAXIMUM.with_forms(int16=integers.MAXIMUM, int32=integers.MAXIMUM, int64=integers.MAXIMUM),
    maximum.MINIMUM.with_forms(int16=integers.MINIMUM, int32=integers.MINIMUM, int64=integers.MINIMUM),
    compare.EQUAL,
    compare.NOT_EQUAL,
    compare.LESS,
    compare.LESS_EQUAL,
    compare.GREATER,
    compare.GREATER_EQUAL,
    logical.LOGICAL_AND,
    logical.LOGICAL_OR,
    unary.LOGICAL_NOT,
    select.SELECT,
    select.SELECT_V2,
    # functions of one element
    relu.RELU.with_forms(int16=activations_int16.RELU),
    relu.RELU6,
    relu.RELU_N1_TO_1,
    relu.RELU_0_TO_1,
    leaky_relu.LEAKY_RELU.with_forms(int16=activations_int16.LEAKY_RELU),
    logistic_tanh_exp.LOGISTIC.with_forms(int16=activations_int16.LOGISTIC),
    logistic_tanh_exp.TANH.with_forms(int16=activations_int16.TANH),
    logistic_tanh_exp.EXP,
    hard_swish.HARD_SWISH,
    abs_rsqrt.ABS.with_forms(int32=unary.ABS),
    neg.NEG.with_forms(int32=unary.NEG, int64=unary.NEG),
    unary.SIGN,
    abs_rsqrt.RSQRT,
    float_lookup.SQRT,
    float_lookup.LOG,
    float_lookup.ELU,
    float_lookup.GELU,
    float_table.FLOAT_TABLE,
    quantize.QUANTIZE.with_forms(
        int16=quantize_int16.QUANTIZE, int32=quantize_int16.QUANTIZE, uint8=quantize_uint8.QUANTIZE, from_uint8=rescale.QUANTIZE
    ),
    quantize.DEQUANTIZE.with_forms(int16=quantize_int16.DEQUANTIZE, uint8=quantize_uint8.DEQUANTIZE),
    cast.CAST,
    # movement
    reshape.RESHAPE,
    reshape.SQUEEZE,
    reshape.EXPAND_DIMS,
    reshape.COPY,
    transpose.TRANSPOSE,
    concatenation.CONCATENATION,
    split.PACK,
    split.UNPACK,
    split.SPLIT,
    split.SPLIT_V,
    strided_slice.SLICE,
    strided_slice.STRIDED_SLICE,
    gather.GATHER,
    gather.EMBEDDING_LOOKUP,
    nd.GATHER_ND,
    nd.SCATTER_ND,
    nd.ONE_HOT,
    dynamic_update_slice.DYNAMIC_UPDATE_SLICE,
    pad.PAD,
    pad.PADV2,
    mirror_pad.MIRROR_PAD,
    repeating.TILE,
    repeating.FILL,
    repeating.BROADCAST_TO,
    repeating.REVERSE_V2,
    resize.RESIZE_BILINEAR.with_forms(from_uint8=resize_float.RESIZE_BILINEAR),
    resize.RESIZE_NEAREST_NEIGHBOR,
    space_depth.SPACE_TO_DEPTH,
    space_depth.DEPTH_TO_SPACE,
    space_depth.SPACE_TO_BATCH_ND,
    space_depth.BATCH_TO_SPACE_ND,
)

_MOVE_UINT8 = frozenset(
    """
    BATCH_TO_SPACE_ND BROADCAST_TO DEPTH_TO_SPACE DEQUANTIZE EXPAND_DIMS GATHER GATHER_ND MIRROR_PAD PACK QUANTIZE RESHAPE
    RESIZE_NEAREST_NEIGHBOR REVERSE_V2 SLICE SPACE_TO_DEPTH SPLIT SPLIT_V SQUEEZE STRIDED_SLICE TILE TRANSPOSE UNPACK
    """.split()  # noqa: SIM905
)
"""What takes uint8 as it stands, and is carried along where its neighbours compute on int8 what was uint8."""

_ALIKE = frozenset(
    """
    ADD ARG_MAX ARG_MIN CONCATENATION CONV_2D DEPTHWISE_CONV_2D DIV EQUAL FULLY_CONNECTED GREATER GREATER_EQUAL HARD_SWISH
    L2_NORMALIZATION LEAKY_RELU LESS LESS_EQUAL LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL NOT_EQUAL PAD PADV2
    PRELU REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 SELECT SELECT_V2 SOFTMAX SPACE_TO_BATCH_ND SUB SUM TANH TOPK_V2
    TRANSPOSE_CONV
    """.split()  # noqa: SIM905
)
"""What the uint8 reference kernels compute as the int8 ones do, on numbers that are 128 larger."""


def _for_uint8(operator: Operator[Any]) -> Operator[Any]:
    """The operator with its form for what was uint8, if it is itself that form."""
    if operator.name in _ALIKE | _MOVE_UINT8:
        operator = replace(operator, forms={FROM_UINT8: operator, **operator.forms})
    return replace(operator, moves_uint8=operator.name in _MOVE_UINT8)


OPERATORS: dict[str, Operator[Any]] = {operator.name: _for_uint8(operator) for operator in _ALL}
