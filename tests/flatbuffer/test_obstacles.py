"""What a .tflite is that is no integer model, and what is said of it everywhere."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgepack.compile import compile_model
from edgepack.flatbuffer import inspect_model, read_model, uint8_model
from edgepack.flatbuffer.conversion import KEY, optimization_modes
from edgepack.flatbuffer.obstacles import compiled_for, custom_hint
from edgepack.ground.errors import CompileError, ModelError
from edgepack.pack import write_pack
from edgepack.pack.golden.reference import run_micro
from tests.compile.builder import ModelBuilder


def custom(code: str, scratch: bool = False) -> bytes:
    """A model of one custom operator, which reads a tensor that nothing writes, as Vela's do."""
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1, name="net/dense_7/MatMul")
    work = [b.tensor((64,), "int8", name="scratch")] if scratch else []
    b.operator("CUSTOM", [x, *work], [y])
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(b.finish([x], [y]), 0))
    model.operatorCodes[0].customCode = code
    packer = flatbuffers.Builder(1024)
    packer.Finish(model.Pack(packer), b"TFL3")
    return bytes(packer.Output())


@pytest.mark.parametrize(
    ("code", "compiler"),
    [
        ("ethos-u", "Vela"),
        ("edgetpu-custom-op", "edgetpu_compiler"),
        ("NeutronGraph", "Neutron"),
        ("vsi-npu", "VeriSilicon"),
        ("tflite_hexagon", "Hexagon"),
        ("QnnDelegate", "Qualcomm"),
        ("DISPATCH_OP", "LiteRT's ahead-of-time compiler"),
        ("mtk_neuron", "MediaTek"),
    ],
)
def test_a_file_of_an_accelerators_compiler_is_named_the_same_everywhere(tmp_path: Path, code: str, compiler: str) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(custom(code, scratch=True))
    model = read_model(file)
    shown = inspect_model(model).obstacle
    assert shown is not None and compiler in shown.what and "before" in shown.instead
    for use in (lambda: compile_model(model, "m"), lambda: write_pack(tmp_path / "pack", "m", file)):
        with pytest.raises(ModelError) as caught:
            use()
        assert caught.value.code == "EP-211"
        assert shown.what in str(caught.value) and caught.value.hint == shown.instead


def test_only_such_operators_may_read_what_nothing_writes() -> None:
    with pytest.raises(ModelError, match="nothing writes"):
        read_model(custom("MyOwn", scratch=True))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("TFLite_Detection_PostProcess", "decode boxes"),
        ("SignalFilterBank", 'runtime = "tflm"'),
        ("AudioMicrofrontend", "audio features"),
        ("FlexErf", "approximate=True"),
        ("FlexRFFT", "SELECT_TF_OPS"),
        ("NumericVerify", "debugger"),
        ("MyOwn", "built-in layers"),
    ],
)
def test_a_custom_operator_is_named_with_its_layer_and_what_to_do(tmp_path: Path, code: str, said: str) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(custom(code))
    model = read_model(file)
    with pytest.raises(CompileError) as caught:
        compile_model(model, "m")
    assert caught.value.code == "EP-703" and f"CUSTOM '{code}' in layer 'dense_7'" in str(caught.value)
    shown = inspect_model(model).obstacle
    assert shown is not None and code in shown.what and shown.instead == caught.value.hint == custom_hint(code)
    assert said in caught.value.hint


def test_an_engine_that_refuses_a_custom_operator_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(custom("FlexErf"))
    with pytest.raises(ModelError) as caught:
        write_pack(tmp_path / "pack", "m", file)
    assert "custom operator 'FlexErf' in layer 'dense_7'" in str(caught.value) and caught.value.hint == custom_hint("FlexErf")


def dense(kind: str) -> bytes:
    """One dense layer, 'dense_7', with the weights and activations of a kind of file."""
    b = ModelBuilder()
    uint8 = {"dtype": "uint8", "scale": 0.1, "zero_point": 3} if kind == "uint8" else {"dtype": "float32"}
    x, y = b.tensor((1, 4), **uint8), b.tensor((1, 2), name="net/dense_7/MatMul", **uint8)
    weights = np.arange(8).reshape(2, 4)
    if kind == "float16":
        half = b.constant(np.zeros((2, 4)), "float32", name="half")
        b.tensors[half].type = schema.TensorType.FLOAT16
        b.buffers[b.tensors[half].buffer].data = np.frombuffer(weights.astype(np.float16).tobytes(), np.uint8)
        w = b.tensor((2, 4), "float32")
        b.operator("DEQUANTIZE", [half], [w], "DequantizeOptions", version=3)
    elif kind == "float":
        w = b.constant(weights, "float32")
    else:
        w = b.constant(weights, "int8" if kind == "dynamic" else "uint8", scale=0.1, zero_point=0 if kind == "dynamic" else 100)
    b.operator("FULLY_CONNECTED", [x, w, -1], [y], "FullyConnectedOptions", version=3)
    return b.finish([x], [y])


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("dynamic", "dynamic-range quantization, which leaves activations in float: 'dense_7' (FULLY_CONNECTED)"),
        ("float16", "float16 weights and computes in float: 'dense_7' (FULLY_CONNECTED)"),
        ("float", "computes in float: 'dense_7' (FULLY_CONNECTED)"),
    ],
)
def test_a_model_that_is_not_quantized_to_int8_is_called_what_it_is(kind: str, what: str) -> None:
    model = read_model(dense(kind))
    shown = inspect_model(model).obstacle
    with pytest.raises(CompileError) as caught:
        compile_model(model, "m")
    assert shown is not None and what in shown.what and what in str(caught.value)
    assert caught.value.hint == shown.instead and "TFLITE_BUILTINS_INT8" in shown.instead


def test_a_uint8_model_is_compiled_and_has_no_obstacle() -> None:
    model = read_model(dense("uint8"))
    assert inspect_model(model).obstacle is None and uint8_model(model) is not None
    assert compile_model(model, "m").kernels == ("ep_flip_sign", "ep_fully_connected")


def test_micro_says_that_it_has_no_uint8_kernels(tmp_path: Path) -> None:
    file = tmp_path / "m.tflite"
    file.write_bytes(dense("uint8"))
    with pytest.raises(ModelError) as caught:
        run_micro(read_model(file), file, (np.zeros((1, 1, 4), np.uint8),))
    assert caught.value.code == "EP-283" and "computes in uint8" in str(caught.value) and "--as c" in caught.value.hint


def test_a_dynamic_range_file_whose_weights_were_too_few_to_quantize_says_so_itself() -> None:
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(dense("float"), 0))
    entry, content = schema.MetadataT(), schema.BufferT()
    # As TensorFlow 2.21 writes it: the options' list of modes holds 1002.
    content.data = np.frombuffer(
        bytes.fromhex("0c00000008000e00080004000800000010000000280000000000060008000400060000000400000001000000ea030000"),
        np.uint8,
    )
    entry.name, entry.buffer = KEY, len(model.buffers)
    model.buffers.append(content)
    model.metadata = [entry]
    packer = flatbuffers.Builder(1024)
    packer.Finish(model.Pack(packer), b"TFL3")
    read = read_model(bytes(packer.Output()))
    assert optimization_modes(read) == {"dynamic range"}
    shown = inspect_model(read).obstacle
    assert shown is not None and "dynamic-range" in shown.what


def test_damaged_conversion_metadata_say_nothing() -> None:
    model = read_model(dense("float"))
    whole = bytes.fromhex("0c00000008000e00080004000800000010000000280000000000060008000400060000000400000001000000ea030000")
    rng = np.random.default_rng(0)
    for _ in range(500):
        damaged = bytearray(whole[: int(rng.integers(0, len(whole)))])
        for at in rng.integers(0, max(len(damaged), 1), 3):
            if damaged:
                damaged[at] = int(rng.integers(0, 256))
        model.metadata[KEY] = bytes(damaged)
        optimization_modes(model)


def test_layers_left_in_float_of_an_int8_model_are_listed() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), scale=0.1), b.tensor((1, 4), scale=0.1)
    real, computed = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32", name="net/odd_3/Cumsum")
    b.operator("DEQUANTIZE", [x], [real], "DequantizeOptions", version=2)
    b.operator("CUMSUM", [real, b.constant(np.array(1))], [computed], "CumsumOptions")
    b.operator("QUANTIZE", [computed], [y], "QuantizeOptions")
    model = read_model(b.finish([x], [y]))
    shown = inspect_model(model).obstacle
    assert shown is not None and shown.what == "has these layers in float: 'odd_3' (CUMSUM)"


def test_an_integer_model_has_no_obstacle() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "uint8", scale=0.1, zero_point=128), b.tensor((1, 4), scale=0.1)
    b.operator("QUANTIZE", [x], [y], "QuantizeOptions", version=2)
    assert inspect_model(read_model(b.finish([x], [y]))).obstacle is None


def test_names_of_operators_that_are_none_of_an_accelerator() -> None:
    assert compiled_for("") is None and compiled_for("SignalRfft") is None and compiled_for("neural_net") is None
