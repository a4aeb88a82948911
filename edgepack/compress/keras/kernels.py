"""The kernels of a model: the weight tensors that steps change and figures count, beneath whatever wraps their layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Scales and slopes of normalisations and activations, which have two axes or more in some of them.
_NO_KERNELS = frozenset({"alpha", "gamma", "beta", "moving_mean", "moving_variance"})
# The kind of a kernel (inputs, heads, outputs of a head), whose channels are the last two axes together.
HEADS = "EinsumDense into heads"
_HOLDERS = frozenset({"TimeDistributed", "MultiHeadAttention", "EinsumDense"})
# In the names of trained weight scales, which vanish into the .tflite's own scales and are no parameters of the model.
SCALE = "lowbit_scale"


@dataclass(frozen=True)
class Kernel:
    """A weight tensor of rank two or more: its layer's name, the class of the layer that holds it, its own name ("kernel", …) and
    its variable.

    The holder is the layer within a TimeDistributed or a MultiHeadAttention; `HEADS` stands for a projection into several axes.
    """

    layer: str
    kind: str
    name: str
    variable: Any

    @property
    def values(self) -> NDArray[np.float32]:
        """The weights, in Keras' layout."""
        values: NDArray[np.float32] = self.variable.numpy()
        return values


def kernels(model: Any) -> tuple[Kernel, ...]:
    """Every kernel of a flat model, in its layers' order, looked up beneath TF-MOT's wrappers; shared ones once.

    Biases, normalisations, PReLU slopes and quantization ranges are not kernels.
    """
    found: list[Kernel] = []
    seen: set[int] = set()
    for layer in model.layers:
        inner = wrapped_layer(layer)
        for variable in layer_variables(layer):
            if is_kernel(variable) and id(variable) not in seen:
                seen.add(id(variable))
                found.append(Kernel(inner.name, _kind(inner, variable), weight_name(variable), variable))
    return tuple(found)


def _kind(layer: Any, variable: Any) -> str:
    holders = [layer, *layer._flatten_layers(include_self=False)] if type(layer).__name__ in _HOLDERS else [layer]
    owner = next((one for one in reversed(holders) if any(variable is own for own in _own_weights(one))), layer)
    projects = type(owner).__name__ == "EinsumDense" and _contracted(owner.equation) == [0] and len(variable.shape) > 2
    return HEADS if projects else type(owner).__name__


def _own_weights(layer: Any) -> list[Any]:
    return [*layer._trainable_weights, *layer._non_trainable_weights]


def _contracted(equation: str) -> list[int]:
    """The axes of an EinsumDense's kernel that are summed over."""
    kernel, result = equation.partition(",")[2].split("->")
    return [place for place, letter in enumerate(kernel) if letter not in result]


def is_kernel(variable: Any) -> bool:
    """Whether a layer's variable is a kernel, by its rank and its own name."""
    name = weight_name(variable)
    return len(variable.shape) >= 2 and "bias" not in name and name not in _NO_KERNELS


def wrapped_layer(layer: Any) -> Any:
    """The user's layer within a TF-MOT wrapper, or the layer itself."""
    own = type(layer).__module__.startswith("tensorflow_model_optimization")
    return layer.layer if own and hasattr(layer, "layer") else layer


def layer_variables(layer: Any) -> list[Any]:
    """The variables of the user's layer, without masks, thresholds, quantization ranges and scales; each once.

    A quantization wrapper replaces the kernel attribute by the quantized tensor, so its layer no longer lists the variable; the
    wrapper does.
    """
    inner = wrapped_layer(layer)
    if inner is layer:
        return list(layer.weights) if not type(layer).__module__.startswith("tensorflow_model_optimization") else []
    unique = {id(variable): variable for variable in [*layer.trainable_weights, *inner.weights] if SCALE not in variable.name}
    return list(unique.values())


def weight_name(variable: Any) -> str:
    """The own name of a layer's variable: "kernel", "bias", "gamma", …"""
    return str(variable.name.split(":")[0].split("/")[-1])
