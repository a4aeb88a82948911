"""Single layers with 16 bit activations in an int8 file: nearer to Keras, and the same bits in every runtime that takes them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgepack.compile import compile_model
from edgepack.compress import compress
from edgepack.convert import convert
from edgepack.convert.mixed import INT16_OPERATORS, mix
from edgepack.convert.proof import prove
from edgepack.convert.tflite import run_converter
from edgepack.flatbuffer import read_model
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ConvertError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import load_metric
from edgepack.sources import Dataset

from ..compile.harness import Case, assert_exact
from ..compress.small import digits, digits_net, fresh, noise, recipe, source_of
from .runtime import run


def converted(model: Any, data: Dataset, scheme: str = "int8") -> bytes:
    with SilentProgress().stage("") as task:
        return run_converter(model, scheme, data, task)


def of_many_kinds() -> tuple[Any, Dataset]:
    """A network with every operator that has an int16 form."""
    keras = fresh(4)
    layers = keras.layers
    start = layers.Input((12, 12, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="stem")(start)
    y = layers.LeakyReLU(name="leaky")(layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x))
    y = layers.Add(name="sum")([x, y])
    gate = layers.Conv2D(8, 1, activation="sigmoid", name="gate")(layers.GlobalAveragePooling2D(keepdims=True, name="mean")(y))
    y = layers.Multiply(name="scaled")([y, gate])
    z = layers.Subtract(name="less")([y, layers.Conv2D(8, 1, activation="tanh", name="tanh")(x)])
    up = layers.Conv2DTranspose(4, 2, strides=2, name="up")(layers.MaxPooling2D(2, name="largest")(z))
    z = layers.Concatenate(name="both")(
        [up, layers.ZeroPadding2D(1, name="pad")(layers.AveragePooling2D(3, 1, name="average")(y))]
    )
    z = layers.ReLU(6.0, name="six")(layers.BatchNormalization(name="lone")(z))
    out = layers.Dense(5, activation="softmax", name="head")(layers.Flatten(name="flat")(z))
    return keras.Model(start, out), noise(((12, 12, 3),), 5)


@pytest.fixture(scope="module")
def kinds() -> tuple[Any, Dataset, bytes]:
    model, data = of_many_kinds()
    return model, data, converted(model, data)


def operators(content: bytes) -> Counter[tuple[str, str]]:
    """How often each operator gives each type."""
    graph = read_model(content).subgraphs[0]
    return Counter((operator.name, graph.tensors[operator.outputs[0]].dtype) for operator in graph.operators)


def test_a_layer_that_int8_hurts_comes_near_to_keras_again() -> None:
    """One channel is 200 times as large as the others, which have next to no codes left in 8 bits."""
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8, 8, 3))
    x = layers.Conv2D(8, 3, name="uneven")(start)
    model = keras.Model(start, layers.Dense(4, name="head")(layers.Flatten()(layers.Conv2D(8, 1, name="even")(x))))
    scales = np.array([200.0, *[1.0] * 7], np.float32)
    for name, factor in (("uneven", scales), ("even", 1 / scales[:, None])):
        layer = model.get_layer(name)
        layer.kernel.assign(layer.kernel * factor)
    data = noise(((8, 8, 3),), 4)
    content = converted(model, data)
    x = data.test.inputs[0]
    wanted = model.predict(x, verbose=0)
    before, after = (np.abs(run(file, x)[0] - wanted).mean() for file in (content, mix(content, ["uneven"]).content))
    assert after < before / 3


def test_everything_but_the_models_ends_can_be_16_bits(kinds: tuple[Any, Dataset, bytes]) -> None:
    mixed = mix(kinds[2], ["*"])
    found = operators(mixed.content)
    assert {name for name, kind in found if kind == "int8"} == {"QUANTIZE"} and found["QUANTIZE", "int8"] == 1
    proof = prove(read_model(mixed.content), "int8")
    assert (proof.inputs, proof.outputs) == (("int8",), ("int8",))


@pytest.mark.parametrize("layers", [["*"], ["sum", "head"], ["stem"], ["both", "less", "gate"]])
def test_the_generated_code_has_the_bits_of_tensorflow_lite_micro(kinds: tuple[Any, Dataset, bytes], layers: list[str]) -> None:
    assert_exact([Case("mixed", mix(kinds[2], layers).content, "tflite-micro")])


def of_a_lone_rectifier(most: float | None) -> tuple[Any, Dataset]:
    """A ReLU that no operator before it can take in."""
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((6, 6, 3))
    x = layers.Conv2D(5, 3, name="conv")(start)
    x = layers.ReLU(most, name="relu")(layers.Concatenate(name="both")([x, x * 9]))
    return keras.Model(start, layers.Dense(3, name="head")(layers.Flatten()(x))), noise(((6, 6, 3),), 3)


def test_every_operator_offered_in_16_bits_compiles_to_the_bits_of_tensorflow_lite_micro(
    kinds: tuple[Any, Dataset, bytes],
) -> None:
    mixed = mix(converted(*of_a_lone_rectifier(None)), ["both", "relu"]).content
    assert_exact([Case("rectifier", mixed, "tflite-micro")])
    found = {name for content in (mix(kinds[2], ["*"]).content, mixed) for name, kind in operators(content) if kind == "int16"}
    assert found >= INT16_OPERATORS


def test_relu6_reads_8_bits_because_tensorflow_lite_micro_does_not_rescale_in_it() -> None:
    model, data = of_a_lone_rectifier(6.0)
    content = converted(model, data)
    mixed = mix(content, ["both"])
    assert mixed.narrowed == ("relu",) and operators(mixed.content)["RELU6", "int8"] == 1
    x = data.test.inputs[0]
    wanted = run(content, x)[0]
    assert np.abs(run(mixed.content, x)[0] - wanted).max() < 0.1 * np.abs(wanted).max()
    assert compile_model(read_model(mixed.content), "six").files
    with pytest.raises(ConvertError, match="RELU6 has no int16 kernel"):
        mix(content, ["relu"])


def test_only_the_layer_and_its_readers_change(kinds: tuple[Any, Dataset, bytes]) -> None:
    content = kinds[2]
    mixed = mix(content, ["sum"])
    assert mixed.wide == ("sum",)
    assert set(mixed.computed) == {"sum", "mean", "scaled"}
    before, after = operators(content), operators(mixed.content)
    # Both operands of the sum and the gate are widened; the mean and the product are narrowed again.
    assert after["QUANTIZE", "int16"] == 3 and after["QUANTIZE", "int8"] - before["QUANTIZE", "int8"] == 2
    assert after["ADD", "int16"] == 1 and after["CONV_2D", "int16"] == 0


def test_a_reader_without_a_16_bit_kernel_is_given_8_bits_once() -> None:
    keras = fresh(0)
    layers = keras.layers
    start = layers.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, name="conv")(start)
    sides = [layers.UpSampling2D(name="twice")(x), layers.Conv2DTranspose(4, 2, strides=2, name="up")(x)]
    sides.append(layers.UpSampling2D(interpolation="bilinear", name="smooth")(x))
    model = keras.Model(start, layers.Dense(3, name="head")(layers.Flatten()(layers.Add(name="sum")(sides))))
    data = noise(((8, 8, 2),), 3)
    content = converted(model, data)
    mixed = mix(content, ["conv"])
    assert set(mixed.computed) == {"conv", "up"} and set(mixed.narrowed) == {"twice", "smooth"}
    # One for both resizings, one for the sum behind the transposed convolution.
    assert operators(mixed.content)["QUANTIZE", "int8"] - operators(content)["QUANTIZE", "int8"] == 2
    wanted = run(content, data.test.inputs[0])[0]
    assert np.abs(run(mixed.content, data.test.inputs[0])[0] - wanted).max() < 0.1 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("pattern", "says"),
    [("nothing", "has no layer of that name"), ("head", "output is the model's own"), ("bend", "PRELU has no int16 kernel")],
)
def test_what_cannot_be_wide_is_refused_by_name(pattern: str, says: str) -> None:
    keras = fresh(0)
    start = keras.Input((6,))
    x = keras.layers.PReLU(name="bend")(keras.layers.Dense(5, name="first")(start))
    model = keras.Model(start, keras.layers.Dense(3, name="head")(x))
    content = converted(model, noise(((6,),), 3))
    with pytest.raises(ConvertError, match=says) as caught:
        mix(content, [pattern])
    assert caught.value.code == "EP-457"


def test_a_recipe_keeps_16_bits_and_trains_nothing_anew_for_it(tmp_path: Path) -> None:
    data, source, cache = digits(), source_of(digits_net(), tmp_path / "source"), Cache(tmp_path / "cache")
    metric = load_metric("accuracy", tmp_path)
    types = []
    for int16 in ([], ["pointwise"]):
        steps = recipe({"step": "quantize", "epochs": 1, "int16": int16})
        compressed = compress(source, data, steps, metric, cache, SilentProgress())
        found = convert(compressed, data, cache, SilentProgress())
        assert found.proof.fully_integer and found.proof.scheme == "int8"
        types.append({kind for _, kind in operators(found.file.read_bytes())})
    assert "int16" in types[1] - types[0]
    assert len([stage for stage in (tmp_path / "cache").iterdir() if stage.name.startswith("quantize-")]) == 1


def test_the_file_is_written_the_same_every_time_with_aligned_weights(kinds: tuple[Any, Dataset, bytes]) -> None:
    content = kinds[2]
    first = mix(content, ["sum"]).content
    assert first == mix(content, ["sum"]).content
    import tflite

    model = tflite.Model.GetRootAs(first, 0)
    for number in range(model.BuffersLength()):
        data = model.Buffers(number).DataAsNumpy()
        if not isinstance(data, int):
            assert (data.ctypes.data - np.frombuffer(first, np.uint8).ctypes.data) % 16 == 0
