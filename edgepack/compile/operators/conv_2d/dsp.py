"""CONV_2D with the DSP extension: kernels/conv_2d/ep_conv_2d_dsp.h."""

from __future__ import annotations

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.operators.conv_2d.generic import Conv2D, shape_fields
from edgepack.compile.operators.kernel import Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import padded_rows, walk
from edgepack.compile.operators.shared.requantize import short_fields
from edgepack.compile.operators.shared.wide import stored


def _applies(conv: Conv2D) -> bool:
    return conv.dtype == "int8" and conv.groups == 1 and conv.in_shape[0] == 1 and conv.requantization.short


def _cost(conv: Conv2D) -> float:
    """Instructions: 1.3 a multiply-accumulate, 14 an output, 2 to widen an element of a patch; measured on the Cortex-M4."""
    patch = int(np.prod(conv.weights.shape[1:]))
    pixels = conv.out_shape[1] * conv.out_shape[2]
    return 1.3 * conv.macs + 14.0 * pixels * conv.out_shape[3] + 2.0 * pixels * patch


def _lower(conv: Conv2D) -> Call:
    shape = shape_fields(conv)
    weights, zero = stored(conv.weights)
    rows = padded_rows(weights)
    quads = rows.shape[1] // 4
    in_c = conv.in_shape[3]
    return Call(
        kernel="ep_conv_2d_dsp",
        header="ep_conv_2d_dsp.h",
        fields={
            **{key: value for key, value in shape.items() if key not in ("batches", "out_h")},
            "out_step": conv.step,
            "pixels": conv.out_shape[1] * conv.out_shape[2],
            "run": conv.kernel[1] * in_c if conv.dilation[1] == 1 else in_c,
            "quads": quads,
            "weight_zero": zero,
            "weights": Array(rows, "weights"),
            **short_fields(conv.requantization),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=32 * quads + 4 * quads,
        overlaps=chase(walk(conv, 4), conv.input, conv.output),
    )


KERNEL = Kernel("ep_conv_2d_dsp", _lower, frozenset({"dsp"}), _applies, _cost, wide=True)
