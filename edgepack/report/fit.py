"""Which targets a model fits, as `edgepack fit --json` prints it and a terminal shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from edgepack.judge import Status, Verdict
from edgepack.measure.types import Measurement

FIT_SCHEMA = 1
"""The version of what `--json` prints."""


@dataclass(frozen=True)
class Refusal:
    """Why a model cannot be deployed to a target: the error that `edgepack deploy` would end with."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class Peak:
    """The layer that needs most: `value` in `unit`, "bytes" of RAM at once, "cycles", or "instructions" as predicted.

    `share` is its part of the whole inference, None for memory, which is a moment's.
    """

    layer: str
    operator: str
    value: float
    unit: str
    share: float | None = None


@dataclass(frozen=True)
class Change:
    """Settings of the profile (as `--set` takes them) that the model was built with anew, and the verdicts that they give."""

    settings: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    status: Status

    def value(self, budget: str) -> float:
        """What was measured for a budget; infinite where nothing was."""
        found = next((verdict.measurement for verdict in self.verdicts if verdict.budget == budget), None)
        return inf if found is None or found.value is None else found.value


@dataclass(frozen=True)
class Need:
    """What a missed budget asks for beyond settings.

    `what` is "constants" (bytes of weights and tables, `factor` times fewer), "arena" or "file" (bytes, too) or "clock" (Hz,
    `factor` times the profile's). `now` is the figure found and `wanted` the one with which the budget is met exactly, all
    else unchanged; None where nothing of it is enough: the rest alone is over the limit. `at_least`: the rest is not wholly
    known (a stack that nobody measured), so that it takes more.
    """

    budget: str
    what: str
    now: float
    wanted: float | None
    factor: float | None
    at_least: bool = False


@dataclass(frozen=True)
class TargetFit:
    """One target: verdicts as `edgepack deploy` gives them, or why it refuses the model.

    `status` is FAIL when a budget is missed or the model refused, PASS when every budget that counts is met, else NOT MEASURED.
    `engine` is what runs the model there; `method` are the tools the figures are from. `changes` are settings that were tried
    because a budget is missed and that bring it down, the best first, and `needs` what it takes without them.
    """

    target: str
    title: str
    kind: str
    status: Status
    verdicts: tuple[Verdict, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    engine: str = ""
    method: str = ""
    ram_peak: Peak | None = None
    time_peak: Peak | None = None
    refused: Refusal | None = None
    changes: tuple[Change, ...] = ()
    needs: tuple[Need, ...] = ()

    def value(self, quantity: str) -> float | None:
        """What was measured of a quantity, such as "flash"; None where nothing was."""
        return next((item.value for item in self.measurements if item.quantity == quantity and item.value is not None), None)

    @property
    def missed(self) -> tuple[Verdict, ...]:
        """The verdicts that are FAIL."""
        return tuple(verdict for verdict in self.verdicts if verdict.status == "FAIL")


@dataclass(frozen=True)
class Fit:
    """A model on every target asked for, the smallest microcontroller first.

    `others` are targets that were tried on top, from the smallest on, because none of those asked for fits. `smallest` is the
    smallest microcontroller (flash, then RAM budget, then clock) of all these that passes, None without one. `exit_code` is
    0 or 1.
    """

    schema_version: int
    model: str
    sha256: str
    size_bytes: int
    rows: tuple[TargetFit, ...]
    others: tuple[TargetFit, ...]
    smallest: str | None
    exit_code: int

    @property
    def fits(self) -> bool:
        """Whether it fits every target asked for."""
        return self.exit_code == 0

    def row(self, target: str) -> TargetFit:
        """The row of a target by its name; KeyError without one."""
        return {row.target: row for row in (*self.others, *self.rows)}[target]


def status_of_all(verdicts: Sequence[Verdict]) -> Status:
    """One word for all budgets: FAIL when one is missed, PASS when all that count are met, else NOT MEASURED."""
    if any(verdict.status == "FAIL" for verdict in verdicts):
        return "FAIL"
    counting = [verdict for verdict in verdicts if verdict.counts]
    return "PASS" if counting and all(verdict.status == "PASS" for verdict in counting) else "NOT MEASURED"
