"""Where accuracy goes, as rows of text: the layers' errors, and the classes that are taken for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgepack.report import format as fmt

if TYPE_CHECKING:
    from edgepack.diagnosis import LayerErrors

ERROR_COLUMNS = ("layer", "operator", "SQNR", "added noise", "cosine", "largest error", "clipped", "range used")

LABEL_COLUMNS = ("label", "examples", "found", "missed", "wrongly found", "precision", "recall")
"""Of labels that an example may have several of."""

_WORST_CONFUSIONS = 8


def error_rows(errors: LayerErrors) -> list[tuple[str, ...]]:
    """A row of texts for each compared operator: one text a column."""
    return [
        (
            layer.layer,
            layer.operator,
            "exact" if layer.sqnr is None else f"{layer.sqnr:.1f} dB",
            f"{layer.added:.2g}" if layer.added else "—",
            f"{layer.cosine:.5f}",
            f"{layer.largest:.3g}" + ("" if layer.steps is None else f" ({layer.steps:.1f} steps)"),
            _clipped(layer.clipped),
            fmt.share(layer.range_used),
        )
        for layer in errors.layers
    ]


def worst_confusions(confusion: Sequence[Sequence[int]] | None, classes: Sequence[str]) -> list[tuple[str, str, str, str]]:
    """The most frequent mistakes: true class, predicted class, how many examples, and their share of the true class."""
    if confusion is None:
        return []
    found = [
        (count, true, taken) for true, row in enumerate(confusion) for taken, count in enumerate(row) if count and true != taken
    ]
    named = [classes[index] if index < len(classes) else str(index) for index in range(len(confusion))]
    return [
        (named[true], named[taken], str(count), fmt.share(count / sum(confusion[true])))
        for count, true, taken in sorted(found, key=lambda item: (-item[0], item[1], item[2]))[:_WORST_CONFUSIONS]
    ]


def label_rows(labels: Sequence[Sequence[int]] | None, classes: Sequence[str]) -> list[tuple[str, ...]]:
    """A row for each label: how many examples have it, how many of them were found or missed, and how many were said to have it
    and do not; `labels` are true negatives, false positives, false negatives and true positives."""
    return [
        (
            classes[index] if index < len(classes) else str(index),
            str(missed + found),
            str(found),
            str(missed),
            str(wrongly),
            fmt.share(found / (found + wrongly)) if found + wrongly else "—",
            fmt.share(found / (found + missed)) if found + missed else "—",
        )
        for index, (_, wrongly, missed, found) in enumerate(labels or ())
    ]


def _clipped(share: float) -> str:
    return "< 0.01 %" if 0 < share < 1e-4 else fmt.share(share)
