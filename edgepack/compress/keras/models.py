"""Copying and running the Keras models between steps; repeatably."""

from __future__ import annotations

import contextlib
import importlib.metadata
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import ToolError
from edgepack.ground.memory import give_back_memory
from edgepack.ground.progress import Task
from edgepack.sources.keras.frameworks import import_tf_keras, versions
from edgepack.sources.keras.own_layers import copied

if TYPE_CHECKING:
    from edgepack.sources import Split

# Examples at once: enough to keep both cores busy, and so few that several layers' outputs have room beside each other.
_MOST_AT_ONCE, _LARGEST_OUTPUT = 128, 128 << 20  # examples, bytes


def import_tfmot() -> Any:
    """The module tensorflow_model_optimization.

    Raises:
        ToolError: EP-620 when it is not installed.
    """
    import_tf_keras()
    try:
        import tensorflow_model_optimization
    except ModuleNotFoundError as error:
        raise ToolError(
            "EP-620", f"{error.name} is not installed", "install the extra train: pip install 'edgepack[train]'"
        ) from error
    return tensorflow_model_optimization


def training_versions() -> dict[str, str]:
    """The versions of everything that shapes a trained model, found without importing any of it."""
    found = versions()
    for package in ("tensorflow-model-optimization", "numpy"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def start_afresh(seed: int) -> None:
    """Make what follows in this process give the same result as in a new process: names, random numbers, kernels, and memory."""
    keras = import_tf_keras()
    import tensorflow as tf

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    give_back_memory()


def copy_model(model: Any) -> Any:
    """A copy that shares nothing with `model`."""
    copy = import_tf_keras().models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy


def unfreeze(model: Any) -> list[str]:
    """Make every layer that has kernels trainable, and return the names of those that were not.

    A layer that was frozen while a new head was trained must be free to make up for what a step takes from it. BatchNorm layers
    stay frozen where they are: their averages belong to the data they were trained on.
    """
    frozen = []
    for layer in model.layers:
        if layer.weights and not layer.trainable and type(layer).__name__ != "BatchNormalization":
            layer.trainable = True
            frozen.append(layer.name)
    return frozen


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of `size` that cover `count` examples."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def predict_batch(model: Any) -> int:
    """How many examples to give to a model at once: 128, or 32 to ResNet50, whose largest output has 3 MB for one."""
    layers = [layer.output_shape for layer in model.layers]
    shapes = [shape for given in layers for shape in (given if isinstance(given, list) else [given])]
    largest = max((4 * math.prod(size or 1 for size in shape[1:]) for shape in shapes), default=1)
    fitting = min(_MOST_AT_ONCE, max(1, _LARGEST_OUTPUT // largest))
    return 1 << (fitting.bit_length() - 1)


def model_inputs(model: Any, split: Split, part: slice) -> Any:
    """The examples `part` of a split as tensors of the model's input types: one, or a list of several."""
    import tensorflow as tf

    pairs = zip(split.inputs, model.inputs, strict=True)
    given = [tf.constant(np.asarray(array[part]), dtype=tensor.dtype) for array, tensor in pairs]
    return given[0] if len(given) == 1 else given


def inference(model: Any) -> Callable[[Any], Any]:
    """The model's inference as one traced function; it uses the weights that the model has when it is called."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def run(inputs: Any) -> Any:
        return model(inputs, training=False)

    return run  # type: ignore[no-any-return]


def predict(
    model: Any, split: Split, task: Task, text: str = "", run: Callable[[Any], Any] | None = None
) -> tuple[NDArray[Any], ...]:
    """The model's outputs for every example of `split`, float32, batch first; inputs are read batch by batch.

    `run` is the model's `inference`, from a caller that predicts many times.
    """
    run = run or inference(model)
    collected: list[list[NDArray[Any]]] = []
    total = len(split)
    for part in batches(total, predict_batch(model)):
        results = run(model_inputs(model, split, part))
        found = results if isinstance(results, list | tuple) else [results]
        collected.append([np.asarray(result, dtype=np.float32) for result in found])
        task.update(part.stop, total, text)
    return tuple(np.concatenate(parts) for parts in zip(*collected, strict=True))
