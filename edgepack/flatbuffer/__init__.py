"""Reading and inspecting .tflite files, without TensorFlow."""

from __future__ import annotations

from edgepack.flatbuffer.model import Model, Operator, Quantization, Signature, Subgraph, Tensor
from edgepack.flatbuffer.names import keras_layer, operator_layer, result_names
from edgepack.flatbuffer.read import read_model

__all__ = [
    "Model",
    "Operator",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "keras_layer",
    "operator_layer",
    "read_model",
    "result_names",
]
