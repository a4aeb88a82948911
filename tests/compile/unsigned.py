"""An int8 model as TensorFlow 1 would have it: uint8 throughout, one scale and a zero point for each tensor of weights."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}


def unsigned(model: bytes, rng: np.random.Generator) -> bytes:
    """The model with each int8 tensor made uint8: activations 128 higher; weights as their bytes are, of any zero point."""
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    graph = tree.subgraphs[0]
    weights, biases = {}, {}
    for operator in graph.operators:
        name = NAMES[tree.operatorCodes[operator.opcodeIndex].builtinCode]
        if name in WEIGHTS:
            place = WEIGHTS[name]
            weights[operator.inputs[place]] = True
            if len(operator.inputs) > place + 1 + (name == "TRANSPOSE_CONV"):
                source = operator.inputs[2 if name == "TRANSPOSE_CONV" else 0]
                biases[operator.inputs[-1]] = (source, operator.inputs[place])
    for index, tensor in enumerate(graph.tensors):
        if tensor.type != schema.TensorType.INT8:
            continue
        tensor.type = schema.TensorType.UINT8
        quantization = tensor.quantization
        if index in weights:
            quantization.scale = np.asarray(quantization.scale[:1], np.float32)
            quantization.zeroPoint = np.array([rng.choice([128, rng.integers(96, 161), rng.integers(0, 256)])], np.int64)
            quantization.quantizedDimension = 0
        elif quantization is not None and quantization.zeroPoint is not None:
            quantization.zeroPoint = np.asarray(quantization.zeroPoint) + 128
        buffer = tree.buffers[tensor.buffer]
        if tensor.buffer and buffer.data is not None:
            buffer.data = np.asarray(buffer.data, np.uint8) ^ 128
    for bias, (source, filters) in biases.items():
        if bias >= 0:
            scales = [np.float32(graph.tensors[index].quantization.scale[0]) for index in (source, filters)]
            graph.tensors[bias].quantization.scale = np.array([scales[0] * scales[1]], np.float32)
            graph.tensors[bias].quantization.zeroPoint = np.zeros(1, np.int64)
    for code in tree.operatorCodes:
        code.version = min(code.version, 2)
    packer = flatbuffers.Builder(4096)
    packer.Finish(tree.Pack(packer), b"TFL3")
    return bytes(packer.Output())
