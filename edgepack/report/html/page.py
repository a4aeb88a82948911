"""report.html: what the template shows, worded and placed. The file loads nothing from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgepack.ground.plain import plain
from edgepack.report.charts.stairs import stairs_chart
from edgepack.report.facts import deployment_facts, facts, options
from edgepack.report.html.coding import coding_rows
from edgepack.report.html.latency import latency_figures, latency_histogram, latency_line
from edgepack.report.html.layers import costliest, layer_rows, totals_line
from edgepack.report.html.measurements import measurement_rows, methods_used
from edgepack.report.html.stairs import stairs_columns, stairs_rows
from edgepack.report.html.steps import step_row, steps_chart
from edgepack.report.html.template import template
from edgepack.report.html.verdicts import LIMIT_AT, key_figures, verdict_row
from edgepack.report.losses import ERROR_COLUMNS, LABEL_COLUMNS, error_rows, label_rows, worst_confusions
from edgepack.report.parts import part_to_json
from edgepack.report.report import Report
from edgepack.report.stairs import stairs
from edgepack.report.words import STEP_LEGEND, coding_sentence, device_sentence, headline, layer_sentences, model_label, tone_of

_TEMPLATE = Path(__file__).parent / "page.html"

# A model with more operators than this shows its most costly ones first, and all of them on demand.
_MANY_LAYERS = 40


def report_html(report: Report) -> str:
    """The report as one HTML page."""
    return template(_TEMPLATE).render(page(report))


def page(report: Report) -> dict[str, Any]:
    """Everything the template refers to."""
    layers, column_names = layer_rows(report)
    many = len(layers) > _MANY_LAYERS
    explained, below = report.explanation, stairs(report)
    return {
        "report": report,
        "title": model_label(report),
        "headline": headline(report),
        "tone": tone_of(report),
        "device_line": device_sentence(report),
        "key_figures": key_figures(report),
        "verdicts": [verdict_row(verdict) for verdict in report.verdicts],
        "limit_at": LIMIT_AT,
        "chart": steps_chart(report),
        "steps": [step_row(step) for step in report.steps],
        "step_legend": STEP_LEGEND[0].upper() + STEP_LEGEND[1:],
        "metric_name": report.metric_name,
        "layer_columns": column_names,
        "stairs": below,
        "stairs_chart": None if below is None else stairs_chart(below),
        "stairs_columns": [] if below is None else stairs_columns(below),
        "stairs_rows": [] if below is None else stairs_rows(below),
        "coding": f"{coding_sentence(report.coding)}." if report.coding else "",
        "coding_rows": coding_rows(report.coding),
        "layer_times": () if report.layer_times is None else layer_sentences(report.layer_times),
        "layers": costliest(layers, _MANY_LAYERS // 2) if many else layers,
        "all_layers": layers if many else [],
        "totals": totals_line(report.totals),
        "data": () if report.data is None else report.data.splits,
        "error_columns": ERROR_COLUMNS,
        "errors": [] if explained is None else error_rows(explained.errors),
        "error_examples": 0 if explained is None else explained.errors.examples,
        "advice": () if explained is None else explained.advice,
        "mistakes": [] if explained is None else worst_confusions(explained.confusion, explained.classes),
        "label_columns": LABEL_COLUMNS,
        "labels": [] if explained is None else label_rows(explained.labels, explained.classes),
        "histogram": latency_histogram(report),
        "latency_line": latency_line(report),
        "latency_figures": latency_figures(report),
        "measurements": measurement_rows(report),
        "methods": methods_used(report),
        "device": facts(part_to_json(report.device)),
        "deployment": []
        if report.deployment is None
        else deployment_facts(report.deployment, None if report.model is None else report.model.bytes),
        "model": facts({key: value for key, value in part_to_json(report.model).items() if key != "metric_name"}),
        "proof": facts(part_to_json(report.proof)),
        "preprocessing": options(report.preprocessing),
        "recipe": [(step.step, options(plain(step.options))) for step in report.recipe],
        "versions": sorted(report.versions.items()),
    }
