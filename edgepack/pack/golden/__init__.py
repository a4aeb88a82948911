"""Golden vectors: inputs (inputs.py), the exact outputs for them (reference.py), their files (vectors.py), as C (c_text.py)."""

from __future__ import annotations

from edgepack.pack.golden.inputs import GoldenInputs, choose_golden_inputs, last_inputs
from edgepack.pack.golden.vectors import Golden, GoldenTensor, read_golden, write_golden

__all__ = [
    "Golden",
    "GoldenInputs",
    "GoldenTensor",
    "choose_golden_inputs",
    "last_inputs",
    "read_golden",
    "write_golden",
]
