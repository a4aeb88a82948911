"""Reading and inspecting .tflite files, without TensorFlow."""

from __future__ import annotations

from edgepack.flatbuffer.inspection import Inspection, LayerFacts, TensorFacts, Totals, inspect_model, tensor_facts
from edgepack.flatbuffer.model import Model, Operator, Quantization, Signature, Subgraph, Tensor
from edgepack.flatbuffer.names import keras_layer, operator_layer, result_names
from edgepack.flatbuffer.read import read_model

__all__ = [
    "Inspection",
    "LayerFacts",
    "Model",
    "Operator",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "TensorFacts",
    "Totals",
    "inspect_model",
    "keras_layer",
    "operator_layer",
    "read_model",
    "result_names",
    "tensor_facts",
]
