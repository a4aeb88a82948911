"""Reading, inspecting and changing .tflite files, without TensorFlow.

- Reading: `read.read_model` gives the plain data of `model`, through `binary` (tables with every offset checked), `schema` (what
  the tables contain), `options`, `tensors` (content and quantization), `check` (order of execution) and `shapes` (open
  dimensions, which need `evaluate`).
- Inspecting: `inspection` adds up `macs`, `memory` and `weights` by the Keras layer that `names` finds.
- `tflm` tells what TensorFlow Lite Micro has kernels for.
- Changing: `rewrite`.
"""

from __future__ import annotations

from edgepack.flatbuffer.inspection import Inspection, LayerFacts, TensorFacts, Totals, inspect_model, tensor_facts
from edgepack.flatbuffer.model import Model, Operator, Quantization, Signature, Subgraph, Tensor
from edgepack.flatbuffer.names import keras_layer, known_layer, operator_layer, result_names
from edgepack.flatbuffer.obstacles import Obstacle, obstacle, refuse_compiled, uint8_model
from edgepack.flatbuffer.read import read_model

__all__ = [
    "Inspection",
    "LayerFacts",
    "Model",
    "Obstacle",
    "Operator",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
    "TensorFacts",
    "Totals",
    "inspect_model",
    "keras_layer",
    "known_layer",
    "obstacle",
    "operator_layer",
    "read_model",
    "refuse_compiled",
    "result_names",
    "tensor_facts",
    "uint8_model",
]
