"""Metrics of a model's outputs, with their confidence intervals.

`reading` says how the numbers of an output are to be read (probabilities or logits, one class or several labels), `rows` brings
them side by side with the labels, `scores` computes, `metric` is what a project names; `confusion` and `trivial` look at the same
rows.
"""

from __future__ import annotations

from edgepack.metrics.confusion import confusion_matrix, label_confusion
from edgepack.metrics.metric import Metric, load_metric
from edgepack.metrics.reading import Reading, answers_positions, reading_of, several_labels

__all__ = [
    "Metric",
    "Reading",
    "answers_positions",
    "confusion_matrix",
    "label_confusion",
    "load_metric",
    "reading_of",
    "several_labels",
]
