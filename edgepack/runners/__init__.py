"""What runs on devices (on_device/), how its programs in C are built, and the host's worker processes."""

from __future__ import annotations

from edgepack.runners.files import RUNNER, RUNNER_FILES
from edgepack.runners.models import REFERENCE, describe_model, run_model, run_reference
from edgepack.runners.quantization import dequantize, quantize
from edgepack.workers.result import RunnerFailure, parse_result

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
