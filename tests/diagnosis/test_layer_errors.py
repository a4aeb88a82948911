"""Layer errors are those that numpy finds in the interpreter's own tensors, and the layer that was damaged comes first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgepack.diagnosis import LayerErrors, compare_layers
from edgepack.diagnosis.pairs import pair_operators
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import DataError, ModelError
from edgepack.ground.progress import SilentProgress
from tests.compress.small import digits
from tests.convert.conftest import Converted


def compared(converted: Converted, count: int = 12) -> LayerErrors:
    assert converted.float_file is not None
    with SilentProgress().stage("", "") as task:
        return compare_layers(converted.file, converted.float_file, (digits().validation.inputs[0][:count],), task)


def tensors(file: Path, inputs: np.ndarray, indices: list[int]) -> list[np.ndarray]:
    """Real values of tensors for every input, read from LiteRT directly."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        str(file),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    (entry,) = interpreter.get_input_details()
    details = {item["index"]: item for item in interpreter.get_tensor_details()}
    found: list[list[np.ndarray]] = [[] for _ in indices]
    for example in inputs:
        scale, zero = entry["quantization"]
        value = np.clip(np.round(example / scale) + zero, -128, 127).astype(np.int8) if scale else example
        interpreter.set_tensor(entry["index"], value[None])
        interpreter.invoke()
        for index, values in zip(indices, found, strict=True):
            scale, zero = details[index]["quantization"]
            raw = interpreter.get_tensor(index).astype(np.float64)
            values.append((raw - zero) * scale if scale else raw)
    return [np.stack(values) for values in found]


def test_each_layer_is_measured_as_numpy_measures_it(converted: Converted) -> None:
    errors = compared(converted)
    assert errors.examples == 12 and not errors.alone
    pairs, _ = pair_operators(read_model(converted.file), read_model(converted.float_file or Path()))
    inputs = digits().validation.inputs[0][:12]
    coded = tensors(converted.file, inputs, [pair.quantized.outputs[0] for pair in pairs])
    real = tensors(converted.float_file or Path(), inputs, [pair.original.outputs[0] for pair in pairs])
    by_index = {layer.index: layer for layer in errors.layers}
    assert {layer.layer for layer in errors.layers} >= {"stem", "depthwise", "pointwise", "head"}
    for pair, given, wanted in zip(pairs, coded, real, strict=True):
        layer = by_index[pair.quantized.index]
        noise = np.square(given - wanted).sum() / np.square(wanted).sum()
        assert layer.noise == pytest.approx(noise, rel=1e-5)
        assert layer.sqnr == pytest.approx(-10 * np.log10(noise), rel=1e-5)
        assert layer.largest == pytest.approx(np.abs(given - wanted).max(), rel=1e-5)
        cosine = (given * wanted).sum() / np.sqrt(np.square(given).sum() * np.square(wanted).sum())
        assert layer.cosine == pytest.approx(cosine, rel=1e-6)


def test_the_float_file_computes_what_the_trained_model_computes_without_quantization(converted: Converted) -> None:
    worst = max(layer.noise for layer in compared(converted).layers)
    assert 0 < worst < 0.02  # int8 noise, not another network


def test_the_layer_that_was_damaged_comes_first(converted: Converted, tmp_path: Path) -> None:
    content = bytearray(converted.file.read_bytes())
    model = read_model(bytes(content))
    (weights,) = (
        tensor
        for tensor in model.subgraphs[0].tensors
        if tensor.data is not None and tensor.dtype == "int8" and len(tensor.shape) == 4 and tensor.shape[0] == 16
    )
    assert weights.data is not None
    place = bytes(content).find(weights.data.tobytes())
    assert place > 0
    content[place : place + weights.data.size] = (-weights.data).tobytes()
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(content)
    with SilentProgress().stage("", "") as task:
        errors = compare_layers(damaged, converted.float_file or Path(), (digits().validation.inputs[0][:4],), task)
    assert errors.layers[0].layer == "pointwise" and errors.layers[0].added > 0.5


def test_what_does_not_belong_together_is_refused(converted: Converted, shared_models: Path) -> None:
    with SilentProgress().stage("", "") as task:
        with pytest.raises(ModelError) as unlike:
            compare_layers(converted.file, shared_models / "kws_ref_model_float32.tflite", (np.zeros((1, 8, 8, 1)),), task)
        assert unlike.value.code == "EP-285"
        with pytest.raises(DataError) as shape:
            compare_layers(converted.file, converted.float_file or Path(), (np.zeros((1, 9, 8, 1)),), task)
        assert shape.value.code == "EP-380"
