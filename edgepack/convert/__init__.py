"""Keras to .tflite, and the proof of what the file holds.

`convert` is the stage: it runs TensorFlow's converter (`tflite`, calibrated with `representative` examples and kept `quiet`),
names the file's inputs and outputs (`signature`), gives single layers 16 bit activations (`mixed`), and refuses a file that is
not what the recipe asked for: by types (`proof`), and by the kernels' zeros and shared values (`survival`).
"""

from __future__ import annotations

from edgepack.convert.convert import Converted, convert, convert_float
from edgepack.convert.proof import Proof, prove
from edgepack.convert.survival import LayerZeros

__all__ = ["Converted", "LayerZeros", "Proof", "convert", "convert_float", "prove"]
