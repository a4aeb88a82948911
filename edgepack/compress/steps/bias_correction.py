"""The step `bias_correction`: biases without what rounding the weights to int8 shifts (Nagel et al. 2019, arXiv:1906.04721)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edgepack.compress.keras.kernels import kernels
from edgepack.compress.keras.models import batches, copy_model, model_inputs
from edgepack.compress.keras.wiring import Wiring
from edgepack.compress.quantization.int8 import channels_first, int8_codes
from edgepack.compress.technique import WithoutTraining
from edgepack.compress.work import Structure, Work
from edgepack.sources import Split
from edgepack.sources.keras.frameworks import import_tf_keras

_LAYERS = ("Conv1D", "Conv2D", "DepthwiseConv2D", "Dense")
_BATCH = 32

Values = NDArray[Any]


class BiasCorrection(WithoutTraining):
    """Correct each layer's bias, in the order of computation, by the mean difference that int8 weights make to its channels."""

    name: ClassVar[str] = "bias_correction"
    title: ClassVar[str] = "Correcting biases"
    version: ClassVar[int] = 1
    keeps: ClassVar[frozenset[Structure]] = frozenset({"zeros", "clusters", "codes"})

    examples: int = Field(default=256, ge=1, description="training examples that the shift is measured with")

    @property
    def label(self) -> str:
        """For example "bias_correction"."""
        return "bias_correction"

    def apply(self, model: Any, work: Work) -> Any:
        """A copy of `model` with other biases, or BatchNorm means where a layer has no bias."""
        count = min(self.examples, len(work.data.train))
        rows = np.linspace(0, len(work.data.train) - 1, count).round().astype(int)
        split = Split(tuple(np.asarray(array[rows]) for array in work.data.train.inputs), None)
        corrected, quantized = copy_model(model), quantized_copy(model)
        wiring = Wiring(model)
        nodes = [node for node in wiring.nodes if not node.is_input and type(node.layer).__name__ in _LAYERS]
        left: list[str] = []
        largest = 0.0
        for done, node in enumerate(nodes, start=1):
            place = _place(wiring, node)
            if place is None:
                left.append(node.layer.name)
                continue
            # Corrections made so far are in `quantized`: each layer is corrected for what is still wrong when it is reached.
            shift = channel_means(quantized, node.layer.name, split) - channel_means(model, node.layer.name, split)
            largest = max(largest, float(np.abs(shift).max()))
            layer, weight, sign = place
            for other in (corrected, quantized):
                variable = getattr(other.get_layer(layer), weight)
                variable.assign(variable - sign * shift)
            work.task.update(done, len(nodes), f"comparing {node.layer.name} on {count} training examples")
        work.note_layers("bias left", [*dict.fromkeys(left)], "shared, or without a bias of its own")
        work.note(f"largest mean shift of a channel corrected: {largest:.3g}")
        return corrected


def quantized_copy(model: Any) -> Any:
    """A copy whose kernels are those of an int8 file: rounded to 255 codes, one scale per output channel."""
    copy = copy_model(model)
    for kernel in kernels(copy):
        values = kernel.values
        rows = channels_first(kernel.kind, kernel.name, values)
        scales = np.abs(rows).max(axis=1) / 127
        codes = int8_codes(kernel.kind, kernel.name, values)
        # The same rearrangement of the places tells where each rounded weight belongs.
        numbers: Any = np.arange(values.size).reshape(values.shape)
        places = channels_first(kernel.kind, kernel.name, numbers)
        rounded = np.empty(values.size, dtype=np.float32)
        rounded[places] = codes * scales[:, None]
        kernel.variable.assign(rounded.reshape(values.shape))
    return copy


def channel_means(model: Any, name: str, split: Split) -> Values:
    """The mean of each channel of a layer's result before its activation, over examples and positions."""
    keras = import_tf_keras()
    layer = model.get_layer(name)
    activation, layer.activation = layer.activation, keras.activations.linear
    try:
        (node,) = Wiring(model).calls(layer)
        part_model = keras.Model(model.inputs, node.outputs)
        total: Values = np.zeros(int(node.outputs.shape[-1]))
        positions = 0
        for part in batches(len(split), _BATCH):
            # Called layer by layer: a compiled function would remember the activation.
            values = np.asarray(part_model(model_inputs(model, split, part), training=False), dtype=np.float64)
            total += values.reshape(-1, values.shape[-1]).sum(axis=0)
            positions += values.size // values.shape[-1]
    finally:
        layer.activation = activation
    return total / positions


def _place(wiring: Wiring, node: Any) -> tuple[str, str, int] | None:
    """Where the correction goes: a layer, its weight, and 1 to subtract a shift or -1 to add it; None when there is no place.

    A layer without a bias that only a BatchNorm reads is corrected in that one's mean.
    """
    if len(wiring.calls(node.layer)) != 1:
        return None
    if node.layer.use_bias:
        return node.layer.name, "bias", 1
    after = wiring.after(node)
    linear = getattr(node.layer.activation, "__name__", "") == "linear"
    if (
        after is not None
        and linear
        and type(after.layer).__name__ == "BatchNormalization"
        and len(wiring.calls(after.layer)) == 1
    ):
        return after.layer.name, "moving_mean", -1
    return None
