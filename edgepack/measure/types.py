"""A number, with how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Method = Literal["hardware", "stand-in", "emulated", "estimate", "file", "host"]


@dataclass(frozen=True)
class Measurement:
    """One measured quantity.

    `quantity` is a budget's name (model_size, flash, ram, peak_memory, accuracy_drop, latency_p50, …) or an informative one
    (accuracy, latency_min, load_time, …). `value` is in `unit` ("bytes", "s", "J", "Hz", "" for a share); None when it could
    not be measured, with the reason in `detail`. `method` says what produced it:

    - hardware: the target's own hardware;
    - stand-in: another machine in its place, so only what does not depend on speed and memory carries over;
    - emulated: counted exactly by an emulator of the target's processor (bytes, instructions, bits);
    - estimate: derived from a model of the hardware, such as cycles from an instruction histogram;
    - file: read off the artifact that ships;
    - host: computed on the host with the artifact that ships.

    `conditions` holds what one needs to repeat it (threads, runs, engine, clock, …), JSON-able.
    """

    quantity: str
    value: float | None
    unit: str
    method: Method
    detail: str = ""
    conditions: dict[str, Any] = field(default_factory=dict)
