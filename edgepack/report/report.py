"""Everything known of one deployment, as plain data: what report.json holds and the other reports are made from."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePath
from typing import Any

from edgepack.judge.verdict import Verdict
from edgepack.measure.types import Measurement
from edgepack.project.types import StepTable, Target

# Raised when a field changes its meaning or goes; a new field does not need it.
SCHEMA_VERSION = 1

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """One deployment and its verdicts.

    All rows are JSON-able. `target` has name, title, file, device and budget (base units). `model` describes the file that
    ships (file, bytes, sha256, scheme, …, `metric_name`, `baseline`). `steps` are the compression's StepResults,
    `layers` one row an operator (layer, operator, shape, macs, bytes, weights, zeros, entropy, quantization, instructions,
    seconds), `layer_times` how those seconds were measured (a LayerTimes), `latency_samples` seconds. `explanation` is the
    layers' errors, the confusion matrix and advice.
    `real_hardware` is whether the device is the target's own hardware, `pack` the id of the pack that was measured ("" in
    reports older than that field).
    """

    name: str
    target: Row
    verdicts: tuple[Verdict, ...]
    measurements: tuple[Measurement, ...]
    exit_code: int
    real_hardware: bool
    created: str
    model: Row = field(default_factory=dict)
    steps: tuple[Row, ...] = ()
    layers: tuple[Row, ...] = ()
    layer_times: Row = field(default_factory=dict)
    totals: Row = field(default_factory=dict)
    latency_samples: tuple[float, ...] = ()
    device: Row = field(default_factory=dict)
    deployment: Row = field(default_factory=dict)
    proof: Row = field(default_factory=dict)
    preprocessing: Row = field(default_factory=dict)
    recipe: tuple[Row, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    explanation: Row = field(default_factory=dict)
    pack: str = ""
    schema: int = SCHEMA_VERSION

    @classmethod
    def from_parts(
        cls,
        *,
        name: str,
        target: Target,
        verdicts: Sequence[Verdict],
        measurements: Sequence[Measurement],
        exit_code: int,
        real_hardware: bool,
        model: Mapping[str, Any] | None = None,
        steps: Iterable[Any] = (),
        inspection: Any = None,
        instructions: Mapping[int, float] | None = None,
        layer_times: Any = None,
        latency_samples: Iterable[float] = (),
        device: Any = None,
        deployment: Any = None,
        proof: Any = None,
        preprocessing: Mapping[str, Any] | None = None,
        recipe: Iterable[Any] = (),
        versions: Mapping[str, str] | None = None,
        warnings: Iterable[str] = (),
        notes: Iterable[str] = (),
        explanation: Any = None,
        pack: str = "",
        created: str | None = None,
    ) -> Report:
        """A report from the rooms' own results, given as their dataclasses or as mappings.

        `recipe` holds StepTables, checked steps (with their defaults) or mappings. `inspection` is flatbuffer's Inspection of
        the file that ships, `instructions` the executed instructions by operator index where a device counted them,
        `layer_times` the LayerTimes where a device told them.
        `created` is an ISO time (default: now, UTC).
        """
        inspected = {} if inspection is None else plain(inspection)
        counted, timed = dict(instructions or {}), _row(layer_times)
        seconds: dict[int, float] = {}
        for row in timed.get("rows", []):
            if row["operator"] is not None:
                seconds[row["operator"]] = seconds.get(row["operator"], 0.0) + row["seconds"]
        report = cls(
            name=name,
            target=plain(target),
            verdicts=tuple(verdicts),
            measurements=tuple(measurements),
            exit_code=exit_code,
            real_hardware=real_hardware,
            created=created or datetime.now(timezone.utc).isoformat(timespec="seconds"),
            model=_row(model),
            steps=tuple(_row(step) for step in steps),
            layers=tuple(_layer(layer, counted, seconds) for layer in inspected.get("layers", [])),
            layer_times=timed,
            totals={**inspected.get("totals", {}), **({"peak": inspected["peak"]} if "peak" in inspected else {})},
            latency_samples=tuple(float(f"{sample:.6g}") for sample in latency_samples),
            device=_row(device),
            deployment=_row(deployment),
            proof=_row(proof),
            preprocessing=_row(preprocessing),
            recipe=tuple(_recipe_row(step) for step in recipe),
            versions=dict(versions or {}),
            warnings=tuple(warnings),
            notes=tuple(notes),
            explanation=_row(explanation),
            pack=pack,
        )
        return from_json(report.as_json())

    def as_json(self) -> Row:
        """Plain dictionaries, lists, text and finite numbers."""
        result = plain(self)
        assert isinstance(result, dict)
        return result

    def measurement(self, quantity: str) -> Measurement | None:
        """The first measurement of a quantity that has a value."""
        return next((item for item in self.measurements if item.quantity == quantity and item.value is not None), None)


def from_json(values: Mapping[str, Any]) -> Report:
    """The report that `as_json` gave these values.

    Raises:
        KeyError, TypeError, ValueError: the values are no report of this schema version.
    """
    if values["schema"] != SCHEMA_VERSION:
        raise ValueError(f"schema {values['schema']!r} instead of {SCHEMA_VERSION}")
    known = {item.name for item in dataclasses.fields(Report)}
    given: Row = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key in known}
    given["verdicts"] = tuple(_verdict(row) for row in values["verdicts"])
    given["measurements"] = tuple(Measurement(**row) for row in values["measurements"])
    return Report(**given)


def plain(value: Any) -> Any:
    """`value` as JSON holds it: dataclasses become objects, tuples lists, paths text, NaN and infinities null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, PurePath):
        return plain(str(value))
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):  # a path that is no UTF-8 holds lone surrogates
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, int):
        return value
    if hasattr(value, "model_dump"):  # a pydantic model
        return plain(value.model_dump())
    if hasattr(value, "tolist"):  # numpy scalars and arrays
        return plain(value.tolist())
    return str(value)


def _row(value: Any) -> Row:
    result = plain({} if value is None else value)
    assert isinstance(result, dict), f"{type(value).__name__} is no row"
    return result


def _verdict(row: Mapping[str, Any]) -> Verdict:
    measurement = row["measurement"]
    return Verdict(**{**row, "measurement": None if measurement is None else Measurement(**measurement)})


def _recipe_row(step: Any) -> Row:
    if isinstance(step, Mapping):
        return _row(step)
    name = step.step if isinstance(step, StepTable) else step.name
    return {"step": name, **_row(step.options)}


def _layer(layer: Mapping[str, Any], instructions: Mapping[int, float], seconds: Mapping[int, float]) -> Row:
    weights = layer["weights"]
    return {
        "index": layer["index"],
        "layer": layer["layer"],
        "operator": layer["operator"],
        "shape": layer["outputs"][0]["shape"] if layer["outputs"] else [],
        "macs": layer["macs"],
        "bytes": layer["bytes"],
        "parameters": layer["parameters"],
        "weights": weights["elements"],
        "zeros": weights["zeros"],
        "distinct": weights["distinct_per_channel"],
        "entropy": weights["entropy"],
        "quantization": layer["quantization"],
        "live_bytes": layer["live_bytes"],
        "instructions": instructions.get(layer["index"]),
        "seconds": seconds.get(layer["index"]),
    }
