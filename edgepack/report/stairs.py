"""The staircase of bytes: what the weights take from float32 to what is stored, and the metric at each point.

Weights are kernels: biases, multipliers and the like stand in none of the sums.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgepack.kinds import kind_of

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow
    from edgepack.compress import LayerWeights, StepResult
    from edgepack.report.parts import LayerFigures
    from edgepack.report.report import Report

_BYTES = {"int4": 0.5, "int16": 2.0, "float16": 2.0, "bfloat16": 2.0, "int32": 4.0, "float32": 4.0}
"""Bytes of a stored weight, by the type that a layer's quantization names; one byte for any other."""


@dataclass(frozen=True)
class Stair:
    """The weights at one point: their bytes as they are stored there, `bound`, under which no code of single values goes, and
    the metric on the test split, measured by the method `how` ("" for the Keras model). None where nobody knows.

    The float model's weights have four bytes. After a step they have one, as they would in int8; "file" is the .tflite,
    "coded" what lies in flash, or in the program of engine c.
    """

    name: str
    kind: Literal["float", "step", "file", "coded"]
    bytes: int
    bound: int | None
    metric: float | None
    how: str = ""


@dataclass(frozen=True)
class LayerStairs:
    """The same of one layer: `bounds` has one entry a step among the stairs, `bound` is that of the file; `coded_bytes` are
    those in flash and `codes` the names of the codes there, None and () where nothing is coded."""

    layer: str
    float_bytes: int
    file_bytes: int
    bounds: tuple[int | None, ...]
    bound: int
    coded_bytes: int | None
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Stairs:
    """All of it, from above; `ends` says why the stairs end at the file, "" where weights are coded."""

    metric_name: str
    stairs: tuple[Stair, ...]
    layers: tuple[LayerStairs, ...]
    ends: str

    @property
    def factor(self) -> float:
        """How many times fewer bytes the last stair has than the first."""
        return self.stairs[0].bytes / max(1, self.stairs[-1].bytes)


def stairs(report: Report) -> Stairs | None:
    """The staircase of a report; None for a model without weights, and where the report does not list its layers."""
    kernels = [layer for layer in report.layers if layer.weights and layer.parameters >= layer.weights]
    if not kernels:
        return None
    steps = _different([step for step in report.steps if step.step != "convert" and step.layers])
    weights = [row for row in report.coding if "weights" in row.what]
    return Stairs(
        report.metric_name,
        (
            _float(report, steps, kernels),
            *(_after(step) for step in steps[1:]),
            _file(report, kernels),
            *([_coded(report, weights)] if weights else []),
        ),
        tuple(_layers(kernels, [{one.layer: one for one in step.layers} for step in steps], weights)),
        "" if weights else _ends(report),
    )


def _different(steps: list[StepResult]) -> list[StepResult]:
    """The steps but for those that changed nothing, such as preparing for quantization after training."""
    return [step for before, step in zip([None, *steps], steps, strict=False) if before is None or not _same(before, step)]


def _same(one: StepResult, other: StepResult) -> bool:
    return (one.layers, one.metric) == (other.layers, other.metric)


def _float(report: Report, steps: list[StepResult], kernels: list[LayerFigures]) -> Stair:
    baseline = None if report.model is None else report.model.baseline
    if not steps:
        return Stair("float32", "float", 4 * sum(layer.weights for layer in kernels), None, baseline)
    return Stair("float32", "float", 4 * sum(layer.weights for layer in steps[0].layers), None, _finite(steps[0].metric))


def _after(step: StepResult) -> Stair:
    bounds = [layer.entropy_bytes for layer in step.layers]
    bound = None if None in bounds else sum(each or 0 for each in bounds)
    return Stair(step.label or step.step, "step", sum(layer.weights for layer in step.layers), bound, _finite(step.metric))


def _file(report: Report, kernels: list[LayerFigures]) -> Stair:
    name = f"{report.model.scheme if report.model is not None and report.model.scheme else 'the'} .tflite"
    metric = None if report.model is None else report.model.metric
    bound = math.ceil(sum(layer.weights * layer.entropy for layer in kernels) / 8)
    return Stair(name, "file", sum(_stored(layer) for layer in kernels), bound, metric, "host")


def _coded(report: Report, rows: list[CodingRow]) -> Stair:
    measured = report.measurement("accuracy")
    value, how = (None, "") if measured is None else (measured.value, measured.method)
    where = "in flash" if kind_of(report.target).holds == "firmware" else "in the program"
    return Stair(
        f"coded {where}", "coded", sum(row.stored_bytes for row in rows), sum(row.entropy_bytes for row in rows), value, how
    )


def _layers(kernels: list[LayerFigures], steps: list[dict[str, LayerWeights]], rows: list[CodingRow]) -> list[LayerStairs]:
    """A row a layer; operators of one name, such as the parts of an attention, together."""
    names = list(dict.fromkeys(layer.layer for layer in kernels))
    return [_layer(name, [one for one in kernels if one.layer == name], steps, rows) for name in names]


def _layer(name: str, own: list[LayerFigures], steps: list[dict[str, LayerWeights]], rows: list[CodingRow]) -> LayerStairs:
    found = [step.get(name) for step in steps]
    coded = [row for row in rows if row.layer == name]
    first = found[0] if found and found[0] is not None else None
    return LayerStairs(
        layer=name or own[0].operator,
        float_bytes=4 * (sum(layer.weights for layer in own) if first is None else first.weights),
        file_bytes=sum(_stored(layer) for layer in own),
        bounds=tuple(None if one is None else one.entropy_bytes for one in found[1:]),
        bound=math.ceil(sum(layer.weights * layer.entropy for layer in own) / 8),
        coded_bytes=sum(row.stored_bytes for row in coded) if coded else None,
        codes=tuple(dict.fromkeys(row.code for row in coded if row.code)),
    )


def _stored(layer: LayerFigures) -> int:
    """Bytes of a layer's weights in the file."""
    kind = re.search(r"weights ([a-z]+\d+)", layer.quantization)
    return math.ceil(layer.weights * _BYTES.get(kind[1] if kind else "", 1.0))


def _ends(report: Report) -> str:
    device = report.target.device
    if kind_of(report.target).holds != "firmware":
        return report.uncoded or "this target runs the .tflite as it is"
    if device.runtime == "tflm":
        return "TensorFlow Lite Micro runs the .tflite; `edgepack export --as tflm --coding` stores it in codes"
    return report.uncoded or "no weights are in codes"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
