"""Forms of operators that no reference defines, or that contradict themselves, are refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.compile.operators.site import REPLACEMENTS
from edgepack.compile.operators.table import OPERATORS
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import TYPES, ModelBuilder

SHAPE = (1, 4, 4, 2)


def refused(
    name: str,
    options: str = "",
    constants: tuple[object, ...] = (),
    shape: tuple[int, ...] = SHAPE,
    out: tuple[int, ...] | None = None,
    dtype: str = "int8",
    out_dtype: str = "int8",
    zero_point: int = 0,
    **fields: object,
) -> CompileError:
    """The error for an operator of one computed input and constants."""
    b = ModelBuilder()
    x = b.tensor(shape, dtype, scale=0.1, zero_point=zero_point, name="net/input_1")
    y = b.tensor(out or shape, out_dtype, scale=0.1, name="net/lambda_3/out")
    b.operator(name, [x, *(b.constant(np.array(data)) for data in constants)], [y], options, **fields)
    with pytest.raises(CompileError) as caught:
        compile_model(read_model(b.finish([x], [y])), "m")
    assert name in str(caught.value) and caught.value.hint
    return caught.value


def test_neg_with_a_zero_point_is_computed_by_no_runtime() -> None:
    error = refused("NEG", "NegOptions", zero_point=3)
    assert error.code == "EP-704" and "lambda_3" in str(error) and "multiply" in error.hint


@pytest.mark.parametrize("name", sorted(REPLACEMENTS))
def test_no_operator_that_is_compiled_has_a_replacement(name: str) -> None:
    assert name not in OPERATORS


@pytest.mark.parametrize("name", ["SQUARE", "FLOOR", "CEIL", "ROUND", "SIN", "COS"])
def test_a_hint_that_speaks_of_float32_is_true(name: str) -> None:
    """The same operator between DEQUANTIZE and QUANTIZE is compiled."""
    assert refused(name).code == "EP-703"
    b = ModelBuilder()
    x, y = b.tensor(SHAPE, scale=0.1), b.tensor(SHAPE, scale=0.1)
    real, result = b.tensor(SHAPE, "float32"), b.tensor(SHAPE, "float32")
    b.operator("DEQUANTIZE", [x], [real])
    b.operator(name, [real], [result])
    b.operator("QUANTIZE", [result], [y])
    assert compile_model(read_model(b.finish([x], [y])), "m").kernels == ("ep_table",)


def test_float_operators_of_two_computed_tensors() -> None:
    b = ModelBuilder()
    x, y, out = (b.tensor(SHAPE, "float32") for _ in range(3))
    b.operator("FLOOR_MOD", [x, y], [out], "FloorModOptions")
    with pytest.raises(CompileError, match="float32"):
        compile_model(read_model(b.finish([x, y], [out])), "m")


def test_topk_of_more_than_there_is() -> None:
    b = ModelBuilder()
    x, y, where = b.tensor((1, 4), scale=0.1), b.tensor((1, 5), scale=0.1), b.tensor((1, 5), "int32")
    b.operator("TOPK_V2", [x, b.constant(np.array(5))], [y, where], "TopKV2Options")
    with pytest.raises(CompileError, match="finds 5 of 4"):
        compile_model(read_model(b.finish([x], [y, where])), "m")


def test_logarithms_of_another_scale() -> None:
    assert refused("LOG_SOFTMAX", "LogSoftmaxOptions").code == "EP-704"


def test_sums_of_more_tensors_than_a_kernel_takes() -> None:
    b = ModelBuilder()
    inputs, out = [b.tensor(SHAPE, "float32") for _ in range(9)], b.tensor(SHAPE, "float32")
    b.operator("ADD_N", inputs, [out], "AddNOptions")
    with pytest.raises(CompileError, match="adds 9"):
        compile_model(read_model(b.finish(inputs, [out])), "m")


def test_positions_that_contradict_the_shape() -> None:
    assert refused("GATHER_ND", "GatherNdOptions", ([[0, 0, 0, 0, 0]],), out=(1,)).code == "EP-704"
    assert refused("GATHER_ND", "GatherNdOptions", ([[0, 0]],), out=(1, 4, 3)).code == "EP-705"
    assert refused("CUMSUM", "CumsumOptions", ([4],)).code == "EP-704"


def test_slices_with_ends_relative_to_their_begins() -> None:
    positions = ([0] * 4, list(SHAPE), [1] * 4)
    error = refused("STRIDED_SLICE", "StridedSliceOptions", positions, offset=True)
    assert error.code == "EP-704" and "relative" in str(error)


def test_slices_with_an_ellipsis_beside_a_new_axis() -> None:
    positions = ([0, 0], [0, 0], [1, 1])
    masks = {"ellipsisMask": 1, "newAxisMask": 2}
    error = refused("STRIDED_SLICE", "StridedSliceOptions", positions, shape=(4, 2), out=(4, 2, 1), **masks)
    assert error.code == "EP-704" and "ellipsis" in str(error)


def test_slices_outside_of_their_input() -> None:
    assert refused("SLICE", "SliceOptions", ([0, 3, 0, 0], [1, 2, 4, 2]), out=(1, 2, 4, 2)).code == "EP-704"
    positions = ([0, 4, 0, 0], [1, 4, 4, 2], [1, 1, 1, 1])
    assert refused("STRIDED_SLICE", "StridedSliceOptions", positions, out=(1, 4, 2), shrinkAxisMask=2).code == "EP-704"
    zero = ([0] * 4, list(SHAPE), [1, 1, 0, 1])
    assert "stride" in str(refused("STRIDED_SLICE", "StridedSliceOptions", zero))


def test_shapes_that_contradict_the_operator() -> None:
    assert refused("TRANSPOSE", "TransposeOptions", ([0, 3, 1, 2],)).code == "EP-705"
    assert refused("RESIZE_BILINEAR", "ResizeBilinearOptions", ([8, 8],)).code == "EP-705"
    assert refused("MIRROR_PAD", "MirrorPadOptions", ([[0, 0], [1, 1], [0, 0], [0, 0]],)).code == "EP-705"
    assert refused("DEPTH_TO_SPACE", "DepthToSpaceOptions", blockSize=3).code == "EP-704"
    assert refused("TRANSPOSE", "TransposeOptions", ([0, 1, 1, 2],)).code == "EP-704"


def test_mirroring_more_than_there_is() -> None:
    paddings = ([[0, 0], [4, 0], [0, 0], [0, 0]],)
    assert refused("MIRROR_PAD", "MirrorPadOptions", paddings, out=(1, 8, 4, 2)).code == "EP-704"


def test_both_ways_to_align_a_resize() -> None:
    flags = {"alignCorners": True, "halfPixelCenters": True}
    error = refused("RESIZE_BILINEAR", "ResizeBilinearOptions", ([8, 8],), out=(1, 8, 8, 2), **flags)
    assert "align_corners" in str(error)


def test_types_without_a_kernel() -> None:
    for name in ("EXP", "SQRT", "ABS", "ELU"):
        assert refused(name, dtype="uint8", out_dtype="uint8").code == "EP-704"
    assert refused("TRANSPOSE", "TransposeOptions", ([0, 1, 2, 3],), out_dtype="int16").code == "EP-704"
    error = refused("ARG_MAX", "ArgMaxOptions", ([3],), out=(1, 4, 4), out_dtype="float32", outputType=TYPES["float32"])
    assert "float32" in str(error)


def test_indices_out_of_range() -> None:
    assert refused("GATHER", "GatherOptions", ([0, 4],), out=(1, 4, 2, 2), axis=2).code == "EP-704"
    assert refused("ARG_MAX", "ArgMaxOptions", ([4],), out=(1, 4, 4), out_dtype="int32").code == "EP-704"
