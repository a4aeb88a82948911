"""What a kind of device gives to the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edgepack.measure import LayerTimes, Measurement
from edgepack.pack import Pack
from edgepack.releases.types import Deployment
from edgepack.report.parts import AnyDeviceFacts

if TYPE_CHECKING:
    from edgepack.compile.coding_table import CodingRow


@dataclass(frozen=True)
class Result:
    """What was packed, and what one device said and did with it.

    `deployment` is None where nothing stays on a device (a microcontroller's emulator). `latency_samples` are single inferences
    in seconds. `instructions` are those executed, by operator index, where they were counted; `layers` the times of layers;
    `coding` the weights of generated C, where some are in codes, and `uncoded` why none is.
    """

    pack: Pack
    measurements: tuple[Measurement, ...]
    real_hardware: bool
    device: AnyDeviceFacts
    deployment: Deployment | None = None
    latency_samples: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    instructions: Mapping[int, float] = field(default_factory=dict)
    layers: LayerTimes | None = None
    coding: tuple[CodingRow, ...] = ()
    uncoded: str = ""
