"""The C compiler: any int8 .tflite becomes readable C99 whose outputs equal the reference kernels bit for bit."""

from __future__ import annotations

from edgepack.compile.compiler import CCode, Layer, compile_model, write_code
from edgepack.compile.for_device import compile_for

__all__ = ["CCode", "Layer", "compile_for", "compile_model", "write_code"]
