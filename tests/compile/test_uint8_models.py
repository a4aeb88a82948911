"""What models that compute in uint8 become, as TensorFlow 1 wrote them; single operators' bits are in cases_unsigned.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgepack.compile import CCode, compile_model
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import CompileError
from tests.compile.builder import TYPES, ModelBuilder
from tests.compile.cases_unsigned import CASES
from tests.compile.harness import Case, assert_exact, mismatches

CPUS = ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55")


def dense(weights: np.ndarray, zero: int, pad: bool = False) -> bytes:
    """A 1x1 convolution of 4 channels, after a PAD at will."""
    b = ModelBuilder()
    kind = {"dtype": "uint8", "scale": 0.1, "zero_point": 7}
    x = source = b.tensor((1, 5, 5, 4), **kind)
    if pad:
        source = b.tensor((1, 7, 7, 4), **kind)
        b.operator("PAD", [x, b.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]]))], [source], "PadOptions")
    w = b.constant(weights.reshape(-1, 1, 1, 4), "uint8", scale=0.02, zero_point=zero)
    bias = b.constant(np.arange(weights.size // 4) * 50, scale=np.float32(0.1) * np.float32(0.02))
    size = 7 if pad else 5
    y = b.tensor((1, size, size, weights.size // 4), "uint8", scale=0.3, zero_point=100)
    b.operator("CONV_2D", [source, w, bias], [y], "Conv2DOptions", padding="VALID", strideH=1, strideW=1)
    return b.finish([x], [y])


def compiled(model: bytes, cpu: str = "cortex-m4") -> CCode:
    return compile_model(read_model(model), "m", cpu)


NARROW = np.arange(120, 152).reshape(8, 4)
WIDE = np.linspace(0, 255, 32).astype(np.int64).reshape(8, 4)


def test_weights_that_fit_int8_take_the_fastest_kernels() -> None:
    assert "ep_conv_2d_gemm" in compiled(dense(NARROW, 140)).kernels
    assert "ep_conv_2d_lanes" in compiled(dense(NARROW, 140), "cortex-m0plus").kernels


def test_weights_of_nine_bits_stay_bytes_in_flash() -> None:
    for cpu, kernel in (("cortex-m4", "ep_conv_2d_dsp"), ("cortex-m0plus", "ep_conv_2d_wide")):
        code = compiled(dense(WIDE, 140), cpu)
        assert kernel in code.kernels
        assert "int8_t m_1_weights[32]" in code.files["m_weights.c"] and "-140" not in code.files["m_weights.c"]


def test_the_buffers_are_uint8() -> None:
    header = compiled(dense(WIDE, 140)).files["m.h"]
    assert "int m_run(const uint8_t *input, uint8_t *output, void *arena);" in header
    assert "#define M_INPUT_ZERO_POINT (7)" in header and "#define M_OUTPUT_ZERO_POINT (100)" in header


def test_a_pad_joins_the_convolution_after_it() -> None:
    model = dense(WIDE, 0, pad=True)
    assert compiled(model).kernels == ("ep_conv_2d_dsp", "ep_flip_sign")
    assert_exact([Case("padded", model)], CPUS)


@pytest.mark.parametrize("zero", [0, 1, 100, 127, 128, 129, 255])
def test_every_byte_as_a_weight_around_any_zero_point(zero: int) -> None:
    weights = np.arange(256).reshape(64, 4)
    assert_exact([Case(f"zero {zero}", dense(weights, zero))], CPUS)


def test_a_table_that_is_looked_up_and_multiplied_with_keeps_its_bytes() -> None:
    """One constant as the rows of a GATHER, whose output has its zero point, and as weights, whose zero point goes."""
    b = ModelBuilder()
    table = b.constant(np.arange(0, 256, 8).reshape(8, 4), "uint8", scale=0.05, zero_point=90)
    x, where, row = (
        b.tensor((1, 8), "uint8", scale=0.1),
        b.tensor((1,), "int32"),
        b.tensor((1, 4), "uint8", scale=0.05, zero_point=90),
    )
    b.operator("ARG_MAX", [x, b.constant(np.array([1]))], [where], "ArgMaxOptions", outputType=TYPES["int32"])
    b.operator("GATHER", [table, where], [row], "GatherOptions")
    y = b.tensor((1, 8), "uint8", scale=0.5, zero_point=30)
    b.operator("FULLY_CONNECTED", [row, table, -1], [y], "FullyConnectedOptions")
    assert_exact([Case("tied", b.finish([x], [row, y]))], CPUS)


def test_an_inner_result_that_is_also_an_output() -> None:
    b = ModelBuilder()
    kind = {"dtype": "uint8", "scale": 0.1, "zero_point": 50}
    x, first, second, third = (b.tensor((1, 6), **kind) for _ in range(4))
    b.operator("ADD", [x, x], [first], "AddOptions")
    b.operator("RELU", [first], [second])
    b.operator("SUB", [second, first], [third], "SubOptions")
    assert_exact([Case("outputs", b.finish([x], [first, third, x]))], CPUS)


def test_an_operator_without_a_uint8_kernel_is_refused_by_name() -> None:
    b = ModelBuilder()
    kind = {"dtype": "uint8", "scale": 0.1, "zero_point": 50}
    x, y, out = b.tensor((1, 6), **kind), b.tensor((1, 6), **kind), b.tensor((1, 6), name="net/odd_3/Exp", **kind)
    b.operator("ADD", [x, x], [y], "AddOptions")
    b.operator("EXP", [y], [out])
    with pytest.raises(CompileError, match=r"EXP in layer 'odd_3'.*uint8, uint8.*computes in uint8") as caught:
        compiled(b.finish([x], [out]))
    assert caught.value.code == "EP-704" and "TFLITE_BUILTINS_INT8" in caught.value.hint


def test_a_uint8_tensor_without_a_scale_is_refused() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 6), "uint8"), b.tensor((1, 6), "uint8")
    b.operator("ADD", [x, x], [y], "AddOptions")
    with pytest.raises(CompileError, match="ADD"):
        compiled(b.finish([x], [y]))


def test_a_scale_for_each_filter_is_refused() -> None:
    """No reference has that for uint8."""
    b = ModelBuilder()
    x = b.tensor((1, 4), "uint8", scale=0.1, zero_point=7)
    w = b.constant(np.arange(8).reshape(2, 4), "uint8", scale=[0.1, 0.2], zero_point=[3, 4])
    y = b.tensor((1, 2), "uint8", scale=0.3, zero_point=100)
    b.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions")
    with pytest.raises(CompileError, match="FULLY_CONNECTED"):
        compiled(b.finish([x], [y]))


@pytest.mark.skipif("fma" not in Path("/proc/cpuinfo").read_text(), reason="this machine does not fuse")
def test_a_compiler_that_fuses_products_with_sums_changes_no_bit_of_a_resize() -> None:
    make = CASES["unsigned_resize_bilinear"]
    cases = [Case(f"seed {seed}", make(np.random.default_rng(seed))) for seed in range(20)]
    assert mismatches(cases, "generic", flags=("-O3", "-mfma", "-ffp-contract=fast")) == []


CONVERT = """
import sys
import numpy as np
import tensorflow as tf
tf1, rng = tf.compat.v1, np.random.default_rng(0)
def fake(x, low, high):
    return tf.quantization.fake_quant_with_min_max_args(x, low, high)
def weights(shape, low, high):
    return fake(tf.constant(rng.uniform(low, high, shape).astype(np.float32)), low, high)
with tf.Graph().as_default(), tf1.Session() as session:
    x = tf1.placeholder(tf.float32, (1, 16, 16, 3), name="input")
    h = fake(x, -1, 1)
    h = fake(tf.nn.relu6(tf.nn.conv2d(h, weights((3, 3, 3, 8), -0.5, 0.3), [1, 2, 2, 1], "SAME") + 0.1), 0, 6)
    h = fake(tf.nn.relu6(tf.nn.depthwise_conv2d(h, weights((3, 3, 8, 1), -0.2, 0.6), [1, 1, 1, 1], "SAME") - 0.1), 0, 6)
    side = fake(tf.nn.conv2d(h, weights((1, 1, 8, 8), -0.7, 0.2), [1, 1, 1, 1], "SAME") + 0.2, -3, 3)
    h = fake(side + h, -3, 9)
    h = fake(tf.concat([h, fake(tf.nn.max_pool2d(h, 3, 1, "SAME"), -3, 9)], 3), -3, 9)
    h = fake(tf1.image.resize_bilinear(h, (12, 12)), -3, 9)
    h = fake(tf.nn.avg_pool2d(h, 12, 1, "VALID"), -3, 9)
    h = fake(tf.nn.conv2d(h, weights((1, 1, 16, 5), -0.5, 0.3), [1, 1, 1, 1], "SAME") + 0.1, -5, 5)
    y = fake(tf.nn.softmax(tf.squeeze(h, [1, 2])), 0, 1)
    converter = tf1.lite.TFLiteConverter.from_session(session, [x], [y])
    converter.inference_type = tf.uint8
    converter.quantized_input_stats = {"input": (128.0, 127.0)}
    open(sys.argv[1], "wb").write(converter.convert())
"""


@pytest.mark.slow
def test_what_tensorflow_1s_converter_writes(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    subprocess.run([sys.executable, "-c", CONVERT, str(file)], check=True, capture_output=True)
    data = file.read_bytes()
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "RESIZE_BILINEAR"} <= {op.name for op in read_model(data).subgraphs[0].operators}
    assert mismatches([Case("converted", data)], *CPUS) == []
