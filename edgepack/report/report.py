"""Everything known of one deployment: what report.json holds and the other reports are made from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgepack.ground.plain import NOT_IN_JSON, json_fields, plain, typed
from edgepack.judge.verdict import Verdict
from edgepack.measure.types import Measurement
from edgepack.project.types import Target
from edgepack.report.parts import (
    AnyDeviceFacts,
    LayerFigures,
    ModelFacts,
    ModelTotals,
    RecipeStep,
    Row,
    device_from_json,
    part_to_json,
    recipe_from_json,
    recipe_to_json,
)
from edgepack.report.stairs import stairs

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow
    from edgepack.compress import StepResult
    from edgepack.convert import Proof
    from edgepack.diagnosis import Explained
    from edgepack.measure.layers import LayerTimes
    from edgepack.releases.types import Deployment
    from edgepack.sources.data.summary import DataSummary

# Raised when a field changes its meaning or goes; a new field does not need it.
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Report:
    """One deployment and its verdicts, in the order of report.json. A part that there is not is None, and {} in JSON.

    `steps` is the step table, the .tflite itself last, `layers` has one row per operator of the file, `layer_times` tells how
    their seconds were measured, `coding` has the weights of generated C where some are in codes, `uncoded` says why none is.
    `data` is what was known of the project's data before training. `latency_samples` are single inferences in seconds.
    `preprocessing` is what data.py says of it, JSON-able. `explanation` is where accuracy goes. `real_hardware` is whether the
    device is the target's own hardware, `exit_code` what `edgepack deploy` ends with, `created` an ISO time. `pack` is the id of
    the pack that was measured ("" in reports older than that field).
    `model_path` is the .tflite that ships and `folder` where report.html, report.json and the pack are, where that is known;
    neither is part of report.json.
    """

    name: str
    target: Target
    verdicts: tuple[Verdict, ...]
    measurements: tuple[Measurement, ...]
    exit_code: int
    real_hardware: bool
    created: str
    model: ModelFacts | None = None
    steps: tuple[StepResult, ...] = ()
    layers: tuple[LayerFigures, ...] = ()
    layer_times: LayerTimes | None = None
    coding: tuple[CodingRow, ...] = ()
    uncoded: str = ""
    totals: ModelTotals | None = None
    data: DataSummary | None = None
    latency_samples: tuple[float, ...] = ()
    device: AnyDeviceFacts | None = None
    deployment: Deployment | None = None
    proof: Proof | None = None
    preprocessing: Row = field(default_factory=dict)
    recipe: tuple[RecipeStep, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explanation: Explained | None = None
    pack: str = ""
    schema: int = SCHEMA_VERSION
    model_path: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)
    folder: Path | None = field(default=None, compare=False, metadata=NOT_IN_JSON)

    @property
    def passed(self) -> bool:
        """Whether every budget that counts was met (exit code 0).

        On a stand-in or an emulated device the budgets that only hardware can answer do not count: see `verdicts`, and
        `real_hardware`.
        """
        return self.exit_code == 0

    @property
    def accuracy(self) -> float | None:
        """The project's metric (accuracy, or another: `metric_name`) of the artifact that ships, on the test split.

        As run on the device or by the generated C where that was measured, else as run on this machine; None without data.
        """
        measured = self.measurement("accuracy")
        if measured is not None:
            return measured.value
        return None if self.model is None else self.model.metric

    @property
    def metric_name(self) -> str:
        """The project's metric: "accuracy"."""
        names = [step.metric_name for step in self.steps if step.metric_name]
        return (self.model.metric_name if self.model else "") or (names[0] if names else "accuracy")

    def measurement(self, quantity: str) -> Measurement | None:
        """The first measurement of a quantity that has a value."""
        return next((item for item in self.measurements if item.quantity == quantity and item.value is not None), None)

    def to_dict(self) -> Row:
        """What report.json holds: dictionaries, lists, text and finite numbers. `stairs` follows from the rest; see
        `edgepack.report.stairs`."""
        parts = {name: getattr(self, name) for name in _PARTS}
        row: Row = {item.name: plain(getattr(self, item.name)) for item in json_fields(self) if item.name not in parts}
        row |= {name: part_to_json(part) for name, part in parts.items()} | {"recipe": recipe_to_json(self.recipe)}
        return {name: row[name] for name in _FIELDS} | {"stairs": part_to_json(stairs(self))}

    def _repr_html_(self) -> str:
        """The headline and the verdicts as a table, for a notebook."""
        from edgepack.report.notebook import report_fragment

        return report_fragment(self)


_PARTS = ("model", "layer_times", "totals", "data", "device", "deployment", "proof", "explanation")
_FIELDS = tuple(item.name for item in json_fields(Report))


def from_json(values: Mapping[str, Any]) -> Report:
    """The report whose `to_dict` gave these values; fields of a later version are passed over, absent ones have their default.

    Raises:
        KeyError, TypeError, ValueError: the values are no report of this schema version.
    """
    if values["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {values['schema']!r} instead of {SCHEMA_VERSION}")
    given: Row = {name: _READ.get(name, _same)(values[name]) for name in _FIELDS if name in values}
    return Report(**given)


def as_written(report: Report) -> Report:
    """The report as its report.json gives it back: without what JSON cannot hold, such as a file's name that is no UTF-8."""
    return dataclasses.replace(from_json(report.to_dict()), model_path=report.model_path, folder=report.folder)


def deployment_from_json(row: Row) -> Deployment | None:
    """A report's deployment."""
    from edgepack.releases.types import Deployment

    return typed(Deployment, row) if row else None


# The classes of other rooms are imported when a report has something of theirs: those rooms take a second to import.


def _steps(rows: list[Row]) -> tuple[StepResult, ...]:
    if not rows:
        return ()
    from edgepack.compress import StepResult

    return tuple(typed(StepResult, row) for row in rows)


def _layer_times(row: Row) -> LayerTimes | None:
    if not row:
        return None
    from edgepack.measure.layers import LayerTimes

    return typed(LayerTimes, row)


def _data(row: Row) -> DataSummary | None:
    if not row:
        return None
    from edgepack.sources.data.summary import DataSummary

    return typed(DataSummary, row)


def _coding(rows: list[Row]) -> tuple[CodingRow, ...]:
    if not rows:
        return ()
    from edgepack.compile.coding_table import CodingRow

    return tuple(typed(CodingRow, row) for row in rows)


def _proof(row: Row) -> Proof | None:
    if not row:
        return None
    from edgepack.convert import Proof

    return typed(Proof, row)


def _explanation(row: Row) -> Explained | None:
    if not row:
        return None
    from edgepack.diagnosis import Explained

    return typed(Explained, row)


def _same(value: Any) -> Any:
    return value


_READ: dict[str, Callable[[Any], Any]] = {
    "target": lambda row: typed(Target, row),
    "verdicts": lambda rows: tuple(typed(Verdict, row) for row in rows),
    "measurements": lambda rows: tuple(typed(Measurement, row) for row in rows),
    "model": lambda row: typed(ModelFacts, row) if row else None,
    "steps": _steps,
    "layers": lambda rows: tuple(typed(LayerFigures, row) for row in rows),
    "layer_times": _layer_times,
    "coding": _coding,
    "totals": lambda row: typed(ModelTotals, row) if row else None,
    "data": _data,
    "latency_samples": tuple,
    "device": device_from_json,
    "deployment": deployment_from_json,
    "proof": _proof,
    "recipe": recipe_from_json,
    "warnings": tuple,
    "notes": tuple,
    "explanation": _explanation,
}
