"""The program that runs models on devices (run.py), and the host's worker processes that use it too."""

from __future__ import annotations

from edgepack.runners.quantization import dequantize, quantize
from edgepack.runners.result import RunnerFailure, parse_result
from edgepack.runners.worker import REFERENCE, RUNNER, RUNNER_FILES, describe_model, run_model, run_reference

__all__ = [
    "REFERENCE",
    "RUNNER",
    "RUNNER_FILES",
    "RunnerFailure",
    "dequantize",
    "describe_model",
    "parse_result",
    "quantize",
    "run_model",
    "run_reference",
]
