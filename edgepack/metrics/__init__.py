"""Metrics of a model's outputs, with their confidence intervals."""

from __future__ import annotations

from edgepack.metrics.metric import Metric, answers_positions, confusion_matrix, load_metric

__all__ = ["Metric", "answers_positions", "confusion_matrix", "load_metric"]
