"""Running TensorFlow's converter so that it gives the same bytes every time, in the Keras model's order of inputs and outputs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from edgepack.convert.lean import lean
from edgepack.convert.masks import Scores, masked_by_choice, see_examples
from edgepack.convert.quiet import captured
from edgepack.convert.representative import choose, generator
from edgepack.convert.signature import sign
from edgepack.flatbuffer import read_model
from edgepack.ground.errors import ConvertError
from edgepack.ground.memory import give_back_memory, large_blocks_apart
from edgepack.ground.progress import Task
from edgepack.sources import Dataset
from edgepack.sources.keras.frameworks import import_tf_keras

# Enough for one good conversion where two in five go wrong; and where five in six do, as long as they differ.
_MOST_CONVERSIONS, _MOST_WHILE_FLOAT = 4, 16

_LOOPS = frozenset({"While", "StatelessWhile", "If", "StatelessIf", "Case", "StatelessCase"})


@large_blocks_apart()
def run_converter(model: Any, scheme: str, data: Dataset, task: Task) -> bytes:
    """The .tflite of a Keras model with a batch of one, quantized by `scheme` (float32: not at all), with a signature
    `serving_default`.

    The frozen graph is converted rather than a SavedModel: the SavedModel path sorts several inputs and outputs by their
    hashed names.

    Raises:
        ConvertError: EP-451 when the converter fails, EP-452 without calibration data, EP-453 for operators that TFLite does
            not have built in, EP-455 for loops and branches, which crash the calibration, EP-458 for real numbers that become
            whole ones, in an integer scheme.
    """
    import_tf_keras()
    integer = scheme in ("int8", "int16x8")
    function = _integer_function(model, scheme, data) if integer else _concrete_function(model)
    _refuse_loops(function)
    if integer:
        _refuse_casts(function, len(model.inputs))
    attempts = _Attempts()
    while not attempts or (integer and not attempts.agreed):
        give_back_memory()
        attempts.add(_convert(model, function, scheme, data, task))
    give_back_memory()
    return sign(attempts.best, model.input_names, _output_names(model))


@dataclass
class _Attempts:
    """Several conversions of one model: the best of them, and the digests of all.

    TensorFlow 2.21's quantizer is not deterministic: with the same model and data it now and then leaves constants unfolded, or
    parts of a recurrent layer float (measured: 2 of 5 conversions of a GRU with 8 units and 6 steps, 5 of 6 of two with 4 units
    in Bidirectional). Where float tensors are there for a reason, every conversion is the same.
    """

    best: bytes = b""
    _digests: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, content: bytes) -> None:
        """One more; only the better of two is kept."""
        self._digests.append(_digest(content))
        self.best = min(self.best, content, key=_quality) if self.best else content

    @property
    def agreed(self) -> bool:
        """Whether the best can be taken: it came twice without float tensors, or enough were made."""
        if len(self) < 2:
            return False
        if _quality(self.best)[0] == 0:
            return len(self) >= _MOST_CONVERSIONS or self._digests.count(_digest(self.best)) > 1
        return len(self) >= (_MOST_CONVERSIONS if len(set(self._digests)) == 1 else _MOST_WHILE_FLOAT)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _quality(content: bytes) -> tuple[int, int, int, bytes]:
    """What the better of two conversions has less of: float tensors, operators, bytes; then the bytes themselves."""
    graphs = read_model(content).subgraphs
    floats = sum(tensor.dtype.startswith("float") for graph in graphs for tensor in graph.tensors)
    return floats, sum(len(graph.operators) for graph in graphs), len(content), content


def _convert(model: Any, function: Any, scheme: str, data: Dataset, task: Task) -> bytes:
    import tensorflow as tf

    with captured() as chatter:
        converter = lean(tf.lite.TFLiteConverter).from_concrete_functions([function], model)
        converter.experimental_lower_to_saved_model = False
        converter.optimizations = [] if scheme == "float32" else [tf.lite.Optimize.DEFAULT]
        if scheme in ("int8", "int16x8"):
            split, rows = choose(data)
            types = [tensor.dtype.as_numpy_dtype for tensor in model.inputs]
            converter.representative_dataset = generator(split, rows, types, task)
            ops = tf.lite.OpsSet
            integer = ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
            converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8 if scheme == "int8" else integer]
            kind = tf.int8 if scheme == "int8" else tf.int16
            converter.inference_input_type = kind
            converter.inference_output_type = kind
        elif scheme == "float16":
            converter.target_spec.supported_types = [tf.float16]
        try:
            content: bytes = converter.convert()
        except KeyboardInterrupt:
            raise
        except Exception as error:
            raise _failure(error, function) from error
    del chatter
    return content


def _integer_function(model: Any, scheme: str, data: Dataset) -> Any:
    """The same for quantization: attention masked in a way that integers can, by the range of scores that the examples give."""
    scores = Scores(choice=scheme == "int8")
    with masked_by_choice(scores):
        function = _concrete_function(model)
    if not scores.ranges:
        return function
    see_examples(model, *choose(data), scores)
    with masked_by_choice(scores):
        return _concrete_function(model)


def _concrete_function(model: Any) -> Any:
    """The model's inference as a graph with static shapes and a batch of one."""
    import tensorflow as tf

    specs = [
        tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=name)
        for tensor, name in zip(model.inputs, model.input_names, strict=True)
    ]

    def infer(*inputs: Any) -> Any:
        return model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)

    return tf.function(infer).get_concrete_function(*specs)


def _output_names(model: Any) -> list[str]:
    """The names of the outputs' layers, made unique, without what wrappers put before them."""
    names: list[str] = []
    for name in model.output_names:
        plain = re.sub(r"^(quant_|prune_low_magnitude_)+", "", name)
        names.append(plain if plain not in [*names, *model.input_names] else f"{plain}_{len(names)}")
    return names


def _refuse_loops(function: Any) -> None:
    for operation in function.graph.get_operations():
        if operation.type in _LOOPS:
            raise ConvertError(
                "EP-455",
                f"layer {_layer(operation)} runs a loop or a branch ({operation.type}), which quantization cannot calibrate",
                "use layers whose computation does not depend on the values, with a fixed number of steps",
            )


def _refuse_casts(function: Any, inputs: int) -> None:
    """Refuse whole numbers made of real ones: these would be rounded to 256 values first, and the operator stays float."""
    given = {tensor.op.name for tensor in function.inputs[:inputs]}
    for operation in function.graph.get_operations():
        if operation.type == "Cast" and operation.inputs[0].dtype.is_floating and operation.outputs[0].dtype.is_integer:
            sources = _sources(operation) & given
            if sources:
                name = sorted(sources)[0]
                raise ConvertError(
                    "EP-458",
                    f"layer {_layer(operation)} makes whole numbers of the real numbers of input {name}, which integer files "
                    "cannot do without loss",
                    'give token numbers an input of their own: Input(shape, dtype="int32")',
                )


def _sources(operation: Any) -> set[str]:
    """The names of operations that an operation's values come from; a tensor's shape is known without them."""
    found: set[str] = set()
    waiting = [operation]
    while waiting:
        for tensor in waiting.pop().inputs:
            if tensor.op.name not in found and tensor.op.type != "Shape":
                found.add(tensor.op.name)
                waiting.append(tensor.op)
    return found


def _layer(operation: Any) -> str:
    """The Keras layer of a graph operation such as model/layer/part/Op."""
    parts = operation.name.split("/")
    return str(parts[1] if len(parts) > 2 else parts[0])


def _failure(error: Exception, function: Any) -> ConvertError:
    """What the converter's exception means. Its text repeats the graph for pages; the operators' names are what helps."""
    text = str(error)
    missing = sorted(set(re.findall(r"'tf\.(\w+)' op is neither a custom op nor a flex op", text)))
    if missing:
        layers = {_layer(operation): None for operation in function.graph.get_operations() if operation.type in missing}
        where = f"layer {', '.join(list(layers)[:4])}" if layers else "the model"
        return ConvertError(
            "EP-453",
            f"{where} needs {', '.join(missing)}, which TFLite has not built in",
            "use layers made of built-in operators; Flex operators are too large for the devices that edgepack is for",
        )
    first = next((line for line in text.splitlines() if "error:" in line), text.splitlines()[0] if text else type(error).__name__)
    return ConvertError("EP-451", f"the TFLite converter failed: {first.strip()[:300]}", "--debug shows all it said")
