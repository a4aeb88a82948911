"""What a kind of device gives to the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgepack.measure import LayerTimes, Measurement
from edgepack.pack import Pack


@dataclass(frozen=True)
class Result:
    """What a kind of device gives to the report; `instructions` by operator index where they were counted, `layers` the times."""

    pack: Pack
    measurements: tuple[Measurement, ...]
    real_hardware: bool
    device: Any = None
    deployment: Any = None
    latency_samples: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    instructions: Mapping[int, float] = field(default_factory=dict)
    layers: LayerTimes | None = None
