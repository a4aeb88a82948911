"""What compression gives: the model file, how it is to be stored as .tflite, and a row of figures after each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgepack.metrics import Reading

if TYPE_CHECKING:
    from edgepack.sources import SourceModel


@dataclass(frozen=True)
class Quantization:
    """How the model is to be stored as .tflite, for conversion.

    `aware`: the Keras model carries trained quantization ranges. `preserved`: what the steps before left in the weights and the
    file must still have. `int16`: patterns of layers whose outputs keep 16 bits in an int8 file. `short_constants`:
    whether its biases are rounded to what is hardly seen.
    """

    scheme: Literal["int8", "int16x8", "float16", "dynamic"]
    aware: bool
    preserved: tuple[str, ...] = ()
    int16: tuple[str, ...] = ()
    short_constants: bool = False


@dataclass(frozen=True)
class LayerWeights:
    """A layer's kernels together: how many weights, how many of them exactly zero, and the most unique int8 codes in any one
    output channel (0 for a layer without kernels is never listed). `entropy_bytes` is what no code of single int8 codes goes
    below, each kernel on its own; None in caches and reports older than it."""

    layer: str
    kind: str
    weights: int
    zeros: int
    distinct: int
    entropy_bytes: int | None = None

    @property
    def sparsity(self) -> float:
        """Share of zeros."""
        return self.zeros / self.weights


@dataclass(frozen=True)
class StepResult:
    """The model after a step.

    `metric` is of the Keras model on the test split (of the fake-quantized model after aware quantization). `parameters`
    counts every trained number; `zeros`, `sparsity` and `distinct` are about kernels (weights of rank two and more), as is the
    size: `float_bytes` is 4 bytes a parameter, `int8_bytes` one byte a kernel weight and four for each bias after folding
    BatchNorm, `deflated_bytes` those int8 kernels through zlib with the biases beside them. `distinct` is the largest number
    of unique int8 codes in one output channel, `entropy` Shannon's of the int8 codes in bits per weight (the mean over all
    weights of their layer's). `macs` are multiply-accumulates of one inference. `interval` is where the metric lies with 95 %
    confidence for the size of the test set (see `edgepack.metrics.confidence`). `seconds` is the time the step took when it
    was computed. `file_bytes` is the size of the .tflite, in the row of that; its other sizes are those of the weights in it.
    """

    step: str
    label: str
    metric: float
    metric_name: str
    parameters: int
    zeros: int
    sparsity: float
    distinct: int
    float_bytes: int
    int8_bytes: int
    deflated_bytes: int
    macs: int
    notes: tuple[str, ...]
    seconds: float
    layers: tuple[LayerWeights, ...] = ()
    interval: tuple[float, float] | None = None
    entropy: float | None = None
    file_bytes: int | None = None


@dataclass(frozen=True)
class Compressed:
    """The compressed Keras model (a Keras 2 .h5, opened with `open_compressed`), and how it came about.

    `steps[0]` is the float model that everything is compared with; `baseline_metric` is its metric on the test split.
    `sha256` covers layers and weights. `source` is the model compression began with. `reading` is how the compressed model's
    outputs are to be read.
    """

    file: Path
    steps: tuple[StepResult, ...]
    quantization: Quantization
    sha256: str
    baseline_metric: float
    source: SourceModel
    reading: Reading = field(default_factory=Reading)
