"""Shapes that a converter leaves open are those the reference runtime computes when it allocates."""

from __future__ import annotations

import numpy as np

from edgepack.flatbuffer import read_model
from tests.compile.builder import ModelBuilder
from tests.compile.harness import Case, assert_exact


def dilated_sequence(seed: int) -> bytes:
    """A dilated Conv1D as Keras writes it for a batch of any size: the file says one batch where there are two."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    length, channels, units = 2 * int(rng.integers(3, 12)), int(rng.integers(1, 9)), int(rng.integers(1, 9))
    kind = {"scale": 0.05, "zero_point": int(rng.integers(-128, 128))}
    x = b.tensor((1, length, channels), signature=(-1, length, channels), **kind)
    spread = b.tensor((1, length // 2, channels), signature=(-1, length // 2, channels), **kind)
    image = b.tensor((1, 1, length // 2, channels), signature=(-1, 1, length // 2, channels), **kind)
    out = length // 2 - 2
    w = b.constant(rng.integers(-127, 128, (units, 1, 3, channels)), "int8", scale=0.01)
    bias = b.constant(rng.integers(-900, 900, units), "int32", scale=0.0005)
    row = b.tensor((1, 1, out, units), signature=(-1, 1, out, units), scale=0.08)
    flat = b.tensor((1, out, units), signature=(-1, out, units), scale=0.08)
    y = b.tensor((1, 2 * out, units), signature=(-1, 2 * out, units), scale=0.08)
    blocks, margins = b.constant(np.array([2])), b.constant(np.array([[0, 0]]))
    b.operator("SPACE_TO_BATCH_ND", [x, blocks, margins], [spread], version=3)
    b.operator("EXPAND_DIMS", [spread, b.constant(np.array(-3))], [image], "ExpandDimsOptions")
    b.operator("CONV_2D", [image, w, bias], [row], "Conv2DOptions", version=3, padding="VALID", strideH=1, strideW=1)
    b.operator("RESHAPE", [row, b.constant(np.array([-1, out, units]))], [flat], "ReshapeOptions")
    b.operator("BATCH_TO_SPACE_ND", [flat, blocks, margins], [y], version=3)
    return b.finish([x], [y])


def computed_size(seed: int) -> bytes:
    """TRANSPOSE_CONV to a size computed from the input's SHAPE, then rows of four: nothing of that is in the file."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    height, width, channels = (int(n) for n in rng.integers(2, 7, 3))
    x = b.tensor((1, height, width, channels), signature=(-1, height, width, channels), scale=0.05, zero_point=3)
    shape, batch, size = b.tensor((4,), "int32"), b.tensor((), "int32"), b.tensor((4,), "int32")
    one, zero = (b.constant(np.array([n])) for n in (1, 0))
    b.operator("SHAPE", [x], [shape], "ShapeOptions", outType=2)
    b.operator("STRIDED_SLICE", [shape, zero, one, one], [batch], "StridedSliceOptions", shrinkAxisMask=1)
    extents = [b.constant(np.array(n)) for n in (2 * height, 2 * width, 4)]
    b.operator("PACK", [batch, *extents], [size], "PackOptions", valuesCount=4)
    w = b.constant(rng.integers(-127, 128, (4, 2, 2, channels)), "int8", scale=0.02)
    image = b.tensor((1, 1, 1, 4), signature=(-1, -1, -1, 4), scale=0.1, zero_point=-7)
    y = b.tensor((1, 4), signature=(-1, 4), scale=0.1, zero_point=-7)
    options = {"padding": "SAME", "strideH": 2, "strideW": 2}
    b.operator("TRANSPOSE_CONV", [size, w, x], [image], "TransposeConvOptions", version=2, **options)
    b.operator("RESHAPE", [image, b.constant(np.array([-1, 4]))], [y], "ReshapeOptions")
    return b.finish([x], [y])


def test_batches_that_blocks_make() -> None:
    assert_exact([Case(f"dilated {seed}", dilated_sequence(seed)) for seed in range(10)])


def test_a_size_computed_from_the_input() -> None:
    assert_exact([Case(f"computed size {seed}", computed_size(seed)) for seed in range(10)])


def test_the_model_says_the_shapes_it_computes() -> None:
    graph = read_model(computed_size(0)).subgraphs[0]
    _, height, width, _ = graph.tensors[graph.inputs[0]].shape
    assert graph.tensors[graph.outputs[0]].shape == (4 * height * width, 4)


def test_a_shape_that_the_file_fixes_stays() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 6), scale=0.1), b.tensor((1, 5), scale=0.1)
    b.operator("RELU", [x], [y])
    graph = read_model(b.finish([x], [y])).subgraphs[0]
    assert graph.tensors[y].shape == (1, 5)
