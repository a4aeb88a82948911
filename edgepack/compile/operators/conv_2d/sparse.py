"""CONV_2D with the DSP extension that skips weights of zero: kernels/conv_2d/ep_conv_2d_sparse.h."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from functools import lru_cache

import numpy as np

from edgepack.compile.call import Array, Call
from edgepack.compile.graph import Data
from edgepack.compile.operators.conv_2d.gemm import windows
from edgepack.compile.operators.conv_2d.generic import Conv2D
from edgepack.compile.operators.kernel import ON_CODES, Kernel
from edgepack.compile.operators.shared.chase import chase
from edgepack.compile.operators.shared.convolution import walk
from edgepack.compile.operators.shared.sparse_stream import Lines, constants_of, pack_sparse, stays_apart

SIDE_BY_SIDE = 4  # words of a line that are computed at once, of two pixels each
WIDTH = 2 * SIDE_BY_SIDE  # of the rows that pixels without neighbours are put in
MOST = 0.6  # of the weights: with more nothing is gained
LARGEST = 1 << 16  # bytes of lines


@dataclass(frozen=True)
class Rows:
    """How output pixels are put in rows: `missing` of the last are not there, the two of a word are `apart` columns apart."""

    lines: Lines
    in_rows: tuple[int, int]
    out_rows: tuple[int, int]
    batches: int
    missing: int
    apart: int

    @property
    def columns(self) -> int:
        """Words of a line that are read."""
        return self.apart + (len(self.lines.taps[0]) - 1) * self.lines.step


def rows_of(conv: Conv2D) -> Rows:
    """Rows as they are; for 1x1 windows on every pixel rows of eight, which fill the kernel best."""
    in_rows, out_rows, batches, missing = conv.in_shape[1:3], conv.out_shape[1:3], conv.in_shape[0], 0
    if conv.kernel == (1, 1) and conv.stride == (1, 1) and in_rows == out_rows:
        pixels = batches * in_rows[0] * in_rows[1]
        in_rows = out_rows = (-(-pixels // WIDTH), min(WIDTH, pixels))
        batches, missing = 1, in_rows[0] * in_rows[1] - pixels
    stride, apart = conv.stride[1], -(-out_rows[1] // 2)
    phases = min(stride, conv.kernel[1])
    further = (-(-conv.kernel[1] // phases) - 1) * conv.dilation[1]
    line = -(-apart // SIDE_BY_SIDE) * SIDE_BY_SIDE + further
    lines = Lines(conv.kernel[0], phases, conv.in_shape[3], line, conv.kernel[1], conv.dilation[1])
    return Rows(lines, (in_rows[0], in_rows[1]), (out_rows[0], out_rows[1]), batches, missing, apart)


@lru_cache(maxsize=8)
def _stream(conv: Conv2D) -> Data | None:
    lines = rows_of(conv).lines
    constants = constants_of(conv.requantization)
    return None if constants is None else pack_sparse(lines.ordered(conv.weights), lines, constants)


def _applies(conv: Conv2D) -> bool:
    if conv.dtype != "int8" or conv.groups != 1 or np.count_nonzero(conv.weights) > MOST * conv.weights.size:
        return False
    if conv.stride[1] > 1 < conv.dilation[1] or 4 * rows_of(conv).lines.words > LARGEST:
        return False
    return stays_apart(conv.weights) and _stream(conv) is not None


def _cost(conv: Conv2D) -> float:
    """Instructions, measured on the Cortex-M4: 9.75 for a weight and eight pixels, 5.5 to widen two values."""
    stream, rows = _stream(conv), rows_of(conv)
    assert stream is not None
    channels = conv.weights.shape[0]
    weights, exact = 2 * (stream.size - 3 * channels), 0 if conv.requantization.out_zero == -128 else 45
    lines, groups = rows.lines, -(-rows.apart // SIDE_BY_SIDE)
    widening = lines.rows * lines.phases * rows.columns * (5.5 * lines.channels + 25.0)
    return rows.batches * rows.out_rows[0] * (60.0 + widening + groups * (130.0 + (80.0 + exact) * channels + 9.75 * weights))


def _lower(conv: Conv2D) -> Call:
    stream, rows = _stream(conv), rows_of(conv)
    assert stream is not None
    shape = {"batches": rows.batches, "in_h": rows.in_rows[0], "in_w": rows.in_rows[1]}
    lines = rows.lines
    walked = replace(conv, in_shape=(1, *rows.in_rows, conv.in_shape[3]), out_shape=(1, *rows.out_rows, conv.out_shape[3]))
    return Call(
        kernel="ep_conv_2d_sparse",
        header="ep_conv_2d_sparse.h",
        fields={
            "windows": {**windows(conv), **shape, "out_h": rows.out_rows[0], "out_w": rows.out_rows[1]},
            "missing": rows.missing,
            "apart": rows.apart,
            "phases": lines.phases,
            "columns": rows.columns,
            "line": lines.line,
            "out_step": conv.step,
            "half": 2 * conv.requantization.out_zero + 1,
            "words": stream.size,
            "stream": Array(stream, "weights that are not zero, biases and multipliers", lines=astuple(lines)),
        },
        inputs=(conv.input,),
        outputs=(conv.output,),
        scratch=4 * lines.words + conv.in_shape[3],
        overlaps=chase(walk(walked, rows.out_rows[1]), conv.input, conv.output) if rows.batches == 1 else (),
    )


KERNEL = Kernel("ep_conv_2d_sparse", _lower, frozenset({"dsp", ON_CODES}), _applies, _cost)
