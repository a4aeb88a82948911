"""A trial in a line, for progress, status and page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgepack.project.units import format_bytes, format_seconds
from edgepack.report import format as fmt
from edgepack.search.choice import words
from edgepack.search.study import Claim, Entry
from edgepack.search.trial import TrialResult

_WORDED: dict[str, Callable[[float], str]] = {
    "flash": format_bytes,
    "ram": format_bytes,
    "model_size": format_bytes,
    "latency": format_seconds,
    "accuracy_drop": lambda value: f"{value:+.4f}",
    "energy": lambda value: f"{value * 1e3:.3g} mJ",
}


def worded(quantity: str, value: float) -> str:
    """A figure with its unit."""
    return _WORDED.get(quantity, fmt.count)(value)


def best_words(best: Entry | None, objectives: Sequence[str]) -> str:
    """The best trial so far: its number, its objectives, and whether it meets the budgets."""
    if best is None or best.result is None:
        return "none yet"
    figures = ", ".join(f"{name} {worded(name, value)}" for name, value in zip(objectives, best.values, strict=True))
    missed = [name for name, miss in (best.misses or {}).items() if miss > 0]
    state = "all budgets met" if not missed else f"misses {', '.join(missed)}"
    return f"trial {best.number}, {figures}, {state}"


def trial_words(claim: Claim, result: TrialResult) -> str:
    """A trial that has ended: its figures, or its error, and its recipe."""
    if result.error is not None:
        return f"{result.error.code} {result.error.message} ({words(claim.choice)})"
    assert result.figures is not None
    figures = [f"drop {result.drop:+.4f}"]
    for name in ("flash", "ram", "latency", "model_size"):
        value = getattr(result.figures, name)
        if value is not None and not (name == "model_size" and result.figures.flash is not None):
            figures.append(f"{name} {worded(name, value)}")
    return f"{', '.join(figures)}, {claim.epochs} epochs ({words(claim.choice)}), {result.seconds:.1f} s"
