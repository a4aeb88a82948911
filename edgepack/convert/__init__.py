"""Keras to .tflite, and the proof of what the file holds."""

from __future__ import annotations

from edgepack.convert.convert import Converted, convert
from edgepack.convert.proof import Proof, prove
from edgepack.convert.survival import LayerZeros

__all__ = ["Converted", "LayerZeros", "Proof", "convert", "prove"]
