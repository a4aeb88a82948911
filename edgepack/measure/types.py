"""A number, with how it came about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Method = Literal["hardware", "stand-in", "emulated", "estimate", "file", "host"]


@dataclass(frozen=True)
class MethodWords:
    """How a method is told: `short` beside a figure, `meaning` in a legend, `judged` as the reason of a verdict, and `where` in
    the sentence that a figure says nothing about the target's hardware."""

    short: str
    meaning: str
    judged: str
    where: str


METHODS: dict[str, MethodWords] = {
    "hardware": MethodWords(
        short="on the device",
        meaning="measured on the target's own hardware",
        judged="measured on the device",
        where="on a stand-in",  # it is said of a device that turned out not to be the target's
    ),
    "stand-in": MethodWords(
        short="on a stand-in",
        meaning="measured on another machine in the target's place: bytes and accuracy carry over, time and memory do not",
        judged="measured with the deployed files on a stand-in, not on the target's hardware",
        where="on a stand-in",
    ),
    "emulated": MethodWords(
        short="emulated",
        meaning="counted exactly by an emulator of the target's processor, which does not model time",
        judged="counted by an emulator of the target's processor",
        where="in an emulator",
    ),
    "estimate": MethodWords(
        short="estimate",
        meaning="derived from a model of the hardware; not a measurement",
        judged="an estimate, not a measurement on hardware",
        where="by an estimate",
    ),
    "file": MethodWords(
        short="from the file",
        meaning="read off the file that ships",
        judged="read off the file that ships",
        where="by the file",
    ),
    "host": MethodWords(
        short="on this machine",
        meaning="computed on this machine with the file that ships",
        judged="computed on this machine with the file that ships",
        where="on this machine",
    ),
}
"""What each method is and how it is worded, in the order of a legend."""


@dataclass(frozen=True)
class Measurement:
    """One measured quantity.

    `quantity` is a budget's name (model_size, flash, ram, peak_memory, accuracy_drop, latency_p50, …) or an informative one
    (accuracy, latency_min, load_time, …). `value` is in `unit` ("bytes", "s", "J", "Hz", "" for a share); None when it could
    not be measured, with the reason in `detail`. `method` says what produced it (see METHODS): bytes, instructions and bits that
    an emulator counts are exact, cycles from an instruction histogram are an estimate.

    `conditions` holds what one needs to repeat it (threads, runs, engine, clock, …), JSON-able.
    """

    quantity: str
    value: float | None
    unit: str
    method: Method
    detail: str = ""
    conditions: dict[str, Any] = field(default_factory=dict)
