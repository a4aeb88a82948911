"""TensorFlow Lite Micro's operator TFLM_DECODE: a constant stored in a code and decoded into the arena when the model runs.

Its inputs are pairs: the coded bytes, and what is needed to read them (`layout`: sixteen bytes of header, then tables). There
are three codes, one file each: `lut` (indices into tables of values), `huffman` and `prune` (a mask and what is not zero).
`smallest` chooses; `read` decodes a tensor on the host, `plain` a model. `rewrite/code_weights.py` puts the operator into a file.

The format is that of tensorflow/lite/micro/kernels/decode_state*.h in tflite-micro, version 1.
"""

from __future__ import annotations

from edgepack.flatbuffer.decode.layout import OPERATOR, Coded, Layout
from edgepack.flatbuffer.decode.plain import plain_model
from edgepack.flatbuffer.decode.smallest import smallest

__all__ = ["OPERATOR", "Coded", "Layout", "plain_model", "smallest"]
