"""Budgets against measurements: verdicts and the exit code."""

from __future__ import annotations

from edgepack.judge.judge import exit_code, judge
from edgepack.judge.verdict import BUDGET_UNITS, HARDWARE_BUDGETS, Status, Verdict

__all__ = ["BUDGET_UNITS", "HARDWARE_BUDGETS", "Status", "Verdict", "exit_code", "judge"]
