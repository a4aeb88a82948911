"""What runs a model on a device, and how its golden vectors came out, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """A way to run the model that was tried: `median` seconds an inference took, None when it was not right and why."""

    engine: str
    engine_version: str
    threads: int
    median: float | None
    reason: str


@dataclass(frozen=True)
class Runner:
    """How a model is run on a device: the command before a runner's own arguments, and what answers to it.

    `runtime` says where the engine comes from: the device's own packages, or wheels brought along. `timeout` is in seconds.
    `candidates` are the ways that were measured before this one was chosen, none when there was no choice.
    """

    argv: tuple[str, ...]
    engine: str
    engine_version: str
    threads: int
    runtime: str
    timeout: float
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class GoldenCheck:
    """Golden vectors run on the device, compared with the reference kernels' outputs.

    Differences are in `unit`: "steps" of an integer output, or "" for the values of float outputs. `max_difference` is over
    everything, `typical_difference` the median over the inputs of each one's largest. `answers_moved` counts inputs whose largest
    output is another one than the reference's. `tolerance` is what `typical_difference` may be; None where the engine
    is the reference itself and nothing may differ.
    """

    inputs: int
    inputs_differing: int
    max_difference: float
    typical_difference: float
    answers_moved: int
    tolerance: float | None
    engine: str
    unit: str = "steps"
