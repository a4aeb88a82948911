"""A converted file computes what Keras computes, is what it claims to be, and is the same every time."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tflite

from edgepack.compress import Compressed, Quantization, compress
from edgepack.convert import Converted, convert
from edgepack.convert.tflite import run_converter
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ConvertError
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric
from edgepack.sources import Dataset, Split

from ..compress.conftest import Walk
from ..compress.small import dataset, digits, digits_net, fresh, noise, recipe, source_of
from .runtime import run

TYPES = {value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)}


def tensor_types(file: Path) -> Counter[str]:
    graph = tflite.Model.GetRootAs(file.read_bytes(), 0).Subgraphs(0)
    return Counter(TYPES[graph.Tensors(index).Type()] for index in range(graph.TensorsLength()))


def weights(file: Path) -> list[Any]:
    """Constant int8 tensors of the file, read by the tflite package."""
    model = tflite.Model.GetRootAs(file.read_bytes(), 0)
    graph = model.Subgraphs(0)
    found = []
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        data = model.Buffers(tensor.Buffer()).DataAsNumpy()
        if tensor.Type() == tflite.TensorType.INT8 and not isinstance(data, int):
            found.append(data.view(np.int8).reshape(tensor.ShapeAsNumpy()))
    return found


def of(model: Any, data: Dataset, folder: Path, metric: Metric, **options: Any) -> Converted:
    """`model` quantized after training and converted."""
    steps = recipe({"step": "quantize", **({"aware": False} | options)})
    cache = Cache(folder / "cache")
    return convert(
        compress(source_of(model, folder / "source"), data, steps, metric, cache, SilentProgress()), data, cache, SilentProgress()
    )


def test_the_file_holds_integers_only(converted: Converted) -> None:
    assert set(tensor_types(converted.file)) == {"INT8", "INT32"}
    assert converted.proof.fully_integer and converted.proof.inputs == converted.proof.outputs == ("int8",)


def test_int8_accuracy_is_that_of_the_fake_quantized_model(walk: Walk, converted: Converted) -> None:
    test = digits().test
    (scores,) = run(converted.file, test.inputs[0])
    assert float(np.mean(scores.argmax(axis=1) == test.labels)) == pytest.approx(walk.compressed.steps[-1].metric, abs=0.01)


def test_outputs_are_within_a_few_steps_of_the_fake_quantized_model(walk: Walk, converted: Converted) -> None:
    inputs = digits().test.inputs[0][:100]
    (scores,) = run(converted.file, inputs)
    assert np.abs(scores - walk.model("quantize").predict(inputs, verbose=0)).max() < 6 / 256


def test_pruned_weights_are_zero_in_the_file(walk: Walk, converted: Converted) -> None:
    kernels = {kernel.size: int((kernel == 0).sum()) for kernel in weights(converted.file)}
    assert kernels[192] >= 96 and kernels[1440] >= 720
    assert sum(kernel.size - np.count_nonzero(kernel) for kernel in weights(converted.file)) == converted.zeros >= 924
    layers = {layer.layer: (layer.weights, layer.pruned, layer.found) for layer in converted.layers}
    assert layers == {
        "stem": (108, 54, True),
        "depthwise": (108, 54, True),
        "pointwise": (192, 96, True),
        "head": (1440, 720, True),
    }


def test_the_batch_is_one_and_names_are_kerass(converted: Converted) -> None:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(converted.file))
    (start,), (end,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (start["name"], end["name"]) == ("image", "head")
    assert start["shape_signature"].tolist() == [1, 8, 8, 1]
    assert interpreter.get_signature_list() == {"serving_default": {"inputs": ["image"], "outputs": ["head"]}}


def test_buffers_are_aligned_as_the_schema_demands(converted: Converted) -> None:
    content = converted.file.read_bytes()
    model = tflite.Model.GetRootAs(content, 0)
    start = np.frombuffer(content, np.uint8).ctypes.data
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    offsets = [buffer.DataAsNumpy().ctypes.data - start for buffer in buffers if buffer.DataLength()]
    assert len(offsets) > 5 and all(offset % 16 == 0 for offset in offsets)


def test_converting_again_gives_the_same_bytes(walk: Walk, converted: Converted, tmp_path: Path) -> None:
    fresh(7)
    digits_net()
    again = convert(walk.compressed, digits(), Cache(tmp_path), SilentProgress())
    assert again.file.read_bytes() == converted.file.read_bytes()
    assert again.float_file is not None and converted.float_file is not None
    assert again.float_file.read_bytes() == converted.float_file.read_bytes()
    assert replace(again, file=converted.file, float_file=converted.float_file) == converted


def test_a_cached_conversion_is_read_back_whole(walk: Walk, converted: Converted) -> None:
    assert convert(walk.compressed, digits(), Cache(walk.cache.folder), SilentProgress()) == converted


@pytest.mark.parametrize(
    ("scheme", "types", "tolerance"),
    [
        ("int16x8", {"INT16", "INT8", "INT64", "INT32"}, 0.02),
        ("float16", {"FLOAT16", "FLOAT32", "INT32"}, 0.002),
        ("dynamic", {"INT8", "FLOAT32", "INT32"}, 0.05),
        ("int8", {"INT8", "INT32"}, 0.25),
    ],
)
def test_every_scheme_holds_what_it_says_and_computes_what_keras_does(
    scheme: str, types: set[str], tolerance: float, walk: Walk, tmp_path: Path, accuracy: Metric
) -> None:
    model = walk.model("prune")
    inputs = digits().test.inputs[0][:60]
    wanted = model.predict(inputs, verbose=0)
    result = of(model, digits(), tmp_path, accuracy, scheme=scheme, **({"aware": False} if scheme == "int8" else {}))
    assert set(tensor_types(result.file)) <= types
    assert result.scheme == result.proof.scheme == scheme
    (scores,) = run(result.file, inputs)
    assert np.abs(scores - wanted).max() < tolerance


def test_several_inputs_and_outputs_keep_the_order_of_keras(tmp_path: Path, accuracy: Metric) -> None:
    keras = fresh(0)
    starts = [keras.Input((size,), name=name) for name, size in (("z", 8), ("a", 5), ("m", 3))]
    both = keras.layers.Concatenate()(starts)
    ends = [keras.layers.Dense(size, name=name)(both) for name, size in (("third", 3), ("first", 2), ("second", 7), ("zero", 4))]
    model = keras.Model(starts, ends)
    data = noise(((8,), (5,), (3,)), 3, count=400)
    inputs = [array[:50] for array in data.train.inputs]
    wanted = model.predict(inputs, verbose=0)
    result = of(model, data, tmp_path, accuracy)
    graph = tflite.Model.GetRootAs(result.file.read_bytes(), 0).Subgraphs(0)
    named = [graph.Tensors(index).Name().decode() for index in [*graph.InputsAsNumpy(), *graph.OutputsAsNumpy()]]
    assert named == ["z", "a", "m", "third", "first", "second", "zero"]
    for found, expected in zip(run(result.file, *inputs), wanted, strict=True):
        assert np.abs(found - expected).max() < 0.12


def test_token_numbers_go_in_as_int32(tmp_path: Path, accuracy: Metric) -> None:
    keras = fresh(0)
    start = keras.Input((10,), dtype="int32", name="tokens")
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(50, 8, name="table")(start))
    model = keras.Model(start, keras.layers.Dense(3, activation="softmax")(x))
    rng = np.random.default_rng(0)
    data = dataset(("tokens",), (rng.integers(0, 50, (300, 10)).astype(np.int32),), rng.integers(0, 3, 300), 200, 50)
    model.get_layer("table").embeddings.assign(np.where(rng.random((50, 8)) < 0.5, 0, model.get_layer("table").embeddings))
    wanted = model.predict(data.test.inputs[0], verbose=0)
    result = of(model, data, tmp_path, accuracy)
    assert result.proof.inputs == ("int32",) and result.proof.outputs == ("int8",)
    assert {layer.layer: layer.found for layer in result.layers}["table"]
    (scores,) = run(result.file, data.test.inputs[0])
    assert np.abs(scores - wanted).max() < 0.02


def test_a_recurrent_model_becomes_fully_integer(tmp_path: Path, accuracy: Metric) -> None:
    keras = fresh(0)
    start = keras.Input((6, 4))
    model = keras.Model(start, keras.layers.Dense(3, activation="softmax")(keras.layers.GRU(8)(start)))
    data = noise(((6, 4),), 3, count=300)
    wanted = model.predict(data.test.inputs[0], verbose=0)
    result = of(model, data, tmp_path, accuracy)
    assert result.proof.fully_integer
    assert np.abs(run(result.file, data.test.inputs[0])[0] - wanted).max() < 0.05


@pytest.mark.parametrize(
    ("floats", "taken", "tries"),
    [
        ([0, 0], 0, 2),
        ([3, 0, 1, 0], 0, 4),
        ([8, 4, 5, 4, 4, 0, 0], 0, 6),  # as measured with two GRUs in Bidirectional
        ([2] * 20, 2, 4),  # float for a reason
        ([2, 1] * 10, 1, 16),
    ],
)
def test_conversions_are_repeated_while_chance_leaves_something_float(
    floats: list[int], taken: int, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter is stood in for: each file is the number of its float tensors."""
    given = iter(floats)
    made: list[int] = []

    def convert_once(*_: Any) -> bytes:
        made.append(next(given))
        return bytes([made[-1]])

    stand_ins = {
        "_convert": convert_once,
        "_quality": lambda content: (content[0], 0, 0, content),
        "_integer_function": lambda model, scheme, data: None,
        "_refuse_loops": lambda function: None,
        "_refuse_casts": lambda function, inputs: None,
        "sign": lambda content, inputs, outputs: content,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(f"edgepack.convert.tflite.{name}", stand_in)
    model = SimpleNamespace(inputs=[], input_names=[], output_names=[])
    with SilentProgress().stage("") as task:
        assert run_converter(model, "int8", noise(((4,),), 2), task) == bytes([taken])
    assert len(made) == tries


def test_layers_without_an_integer_kernel_are_named(tmp_path: Path, accuracy: Metric) -> None:
    keras = fresh(0)
    start = keras.Input((8, 8, 3))
    x = keras.layers.ELU(alpha=0.5, name="smooth")(keras.layers.Conv2D(4, 3, name="conv")(start))
    model = keras.Model(start, keras.layers.Dense(3, name="head")(keras.layers.Flatten()(x)))
    with pytest.raises(ConvertError, match="stayed float: smooth") as caught:
        of(model, noise(((8, 8, 3),), 3), tmp_path, accuracy)
    assert caught.value.code == "EP-450"
    assert not list((tmp_path / "cache").glob("convert-*"))


def own_layer(call: Any, name: str, folder: Path) -> tuple[Any, str]:
    """A model around a custom layer, and the module text that defines it for reopening."""
    keras = fresh(0)
    (folder / "model.py").write_text(
        "import tensorflow as tf\nimport tf_keras\n\n\nclass Own(tf_keras.layers.Layer):\n    def call(self, x):\n"
        f"        return {call}\n\n\nCUSTOM_OBJECTS = {{'Own': Own}}\n"
    )
    import importlib.util

    spec = importlib.util.spec_from_file_location("own_model", folder / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = keras.Input((4, 4))
    return keras.Model(start, keras.layers.Flatten()(module.Own(name=name)(start))), "model.py:CUSTOM_OBJECTS"


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        ("tf.linalg.inv(x + 5 * tf.eye(4))", "EP-453", "layer own needs MatrixInverse"),
        ("tf.while_loop(lambda y: tf.reduce_sum(y) < 10, lambda y: (y + 1,), (x,))[0]", "EP-455", "layer own runs a loop"),
    ],
)
def test_what_tflite_cannot_do_is_an_error_that_names_the_layer(
    call: str, code: str, text: str, tmp_path: Path, accuracy: Metric
) -> None:
    model, setting = own_layer(call, "own", tmp_path)
    source = replace(source_of(model, tmp_path / "source"), folder=tmp_path, custom_objects=setting)
    data = noise(((4, 4),), 3)
    compressed = Compressed(source.file, (), Quantization("int8", False), source.sha256, 0.0, source)
    with pytest.raises(ConvertError) as caught:
        convert(compressed, data, Cache(tmp_path / "cache"), SilentProgress())
    assert caught.value.code == code
    assert text in str(caught.value) and caught.value.hint


def test_no_calibration_data_is_an_error_and_not_a_float_model(walk: Walk, tmp_path: Path) -> None:
    data = digits()
    nothing = Split((data.train.inputs[0][:0],), None)
    empty = replace(data, train=nothing, representative=nothing, sha256="empty")
    with pytest.raises(ConvertError) as caught:
        convert(walk.compressed, empty, Cache(tmp_path), SilentProgress())
    assert caught.value.code == "EP-452"


@pytest.mark.slow
def test_the_terminal_stays_clean(walk: Walk, tmp_path: Path) -> None:
    import pickle

    script = (
        "import pickle, sys; from pathlib import Path; from edgepack.ground.cache import Cache;"
        "from edgepack.convert import convert;"
        "from edgepack.ground.progress import SilentProgress; from tests.compress.small import digits;"
        "convert(pickle.load(sys.stdin.buffer), digits(), Cache(Path(sys.argv[1])), SilentProgress())"
    )
    root = Path(__file__).resolve().parents[2]
    given = pickle.dumps(walk.compressed)
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path)], input=given, cwd=root, capture_output=True, check=True)
    assert (ran.stdout, ran.stderr) == (b"", b"")
