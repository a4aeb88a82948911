"""report.html: what the template shows, worded and placed. The file loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.judge.verdict import Verdict
from edgepack.project.units import format_bytes, format_quantity, format_seconds
from edgepack.report import charts
from edgepack.report import format as fmt
from edgepack.report.explanation import ERROR_COLUMNS, error_rows, worst_confusions
from edgepack.report.report import Report, Row
from edgepack.report.words import device_sentence, headline, layer_sentences, metric_name, status_of, tone_of

_TEMPLATE = Path(__file__).parent / "template.html"

# A model with more operators than this shows its most costly ones first, and all of them on demand.
_MANY_LAYERS = 40

# Where the limit stands on a verdict's scale, in per cent of the scale's width: misses up to 1.5 times show their size.
_LIMIT_AT = 66.0


@dataclass(frozen=True)
class VerdictRow:
    """A verdict as shown: `fill` is the bar's length in per cent, None when nothing was judged."""

    status: str
    status_text: str
    name: str
    value: str
    limit: str
    method: str
    why: str
    fill: float | None
    estimate: bool


@dataclass(frozen=True)
class LayerRow:
    """An operator as shown, with bar lengths in per cent of the largest in their column."""

    layer: str
    operator: str
    shape: str
    cells: tuple[tuple[str, float], ...]
    details: str


def report_html(report: Report) -> str:
    """The report as one HTML page."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(page(report))


def page(report: Report) -> dict[str, Any]:
    """Everything the template refers to."""
    layers, column_names = _layers(report)
    many = len(layers) > _MANY_LAYERS
    return {
        "report": report,
        "title": f"{report.name} on {report.target.get('name', '')}",
        "headline": headline(report),
        "tone": tone_of(report),
        "device_line": device_sentence(report),
        "key_figures": _key_figures(report),
        "verdicts": [_verdict_row(verdict) for verdict in report.verdicts],
        "limit_at": _LIMIT_AT,
        "chart": _accuracy_chart(report),
        "steps": [_step_row(step) for step in report.steps],
        "metric_name": metric_name(report),
        "layer_columns": column_names,
        "layer_times": layer_sentences(report.layer_times) if report.layer_times else (),
        "layers": _costliest(layers, _MANY_LAYERS // 2) if many else layers,
        "all_layers": layers if many else [],
        "totals": _totals(report),
        "error_columns": ERROR_COLUMNS,
        "errors": error_rows(report.explanation["errors"]) if report.explanation.get("errors") else [],
        "error_examples": report.explanation.get("errors", {}).get("examples", 0),
        "advice": report.explanation.get("advice", []),
        "mistakes": worst_confusions(report.explanation.get("confusion"), report.explanation.get("classes") or []),
        "histogram": _histogram(report),
        "latency_line": _latency_line(report),
        "latency_figures": _latency_figures(report),
        "measurements": _measurement_rows(report),
        "methods": _methods_used(report),
        "device": fmt.facts(report.device),
        "deployment": fmt.deployment_facts(report.deployment),
        "model": fmt.facts({key: value for key, value in report.model.items() if key != "metric_name"}),
        "proof": fmt.facts(report.proof),
        "preprocessing": fmt.facts(report.preprocessing),
        "recipe": [(step.get("step", ""), fmt.facts({k: v for k, v in step.items() if k != "step"})) for step in report.recipe],
        "versions": sorted(report.versions.items()),
    }


def _verdict_row(verdict: Verdict) -> VerdictRow:
    measurement = verdict.measurement
    fill = None
    if verdict.status != "NOT MEASURED" and measurement is not None and measurement.value is not None:
        part = measurement.value / verdict.limit if verdict.limit else float(measurement.value > 0) * 2
        fill = round(min(100.0, max(0.0, part * _LIMIT_AT)), 1)
    return VerdictRow(
        status=verdict.status,
        status_text=status_of(verdict),
        name=fmt.label(verdict.budget),
        value=fmt.judged_value(verdict),
        limit=format_quantity(verdict.limit, verdict.unit),
        method="" if measurement is None else fmt.METHODS.get(measurement.method, measurement.method),
        why=verdict.why,
        fill=fill,
        estimate=verdict.on_estimate,
    )


def _key_figures(report: Report) -> list[tuple[str, str]]:
    figures: list[tuple[str, str]] = []
    accuracy = report.measurement("accuracy")
    if accuracy is not None:
        figures.append((metric_name(report), fmt.metric(accuracy.value)))
    size = report.measurement("model_size")
    if size is not None:
        figures.append(("model", fmt.value_of(size)))
    for quantity, name in (("flash", "flash"), ("ram", "RAM"), ("latency_p50", "median latency")):
        item = report.measurement(quantity)
        if item is not None:
            how = "" if item.method == "hardware" else f", {fmt.METHODS.get(item.method, item.method)}"
            figures.append((f"{name}{how if quantity == 'latency_p50' else ''}", fmt.value_of(item)))
    if report.totals.get("macs"):
        figures.append(("MACs", fmt.count(report.totals["macs"])))
    return figures


def _step_row(step: Row) -> dict[str, str]:
    return {
        "label": str(step.get("label") or step.get("step") or ""),
        "kind": "file" if step.get("step") == "convert" else "step",
        "metric": fmt.metric_with_interval(step.get("metric"), step.get("interval")),
        "entropy": fmt.bits(step.get("entropy")),
        "sparsity": fmt.share(step.get("sparsity")),
        "distinct": fmt.count(step.get("distinct")),
        "parameters": fmt.count(step.get("parameters")),
        "macs": fmt.count(step.get("macs")),
        "int8": format_bytes(step["int8_bytes"]) if step.get("int8_bytes") is not None else "—",
        "deflated": format_bytes(step["deflated_bytes"]) if step.get("deflated_bytes") is not None else "—",
        "notes": " ".join(str(note) for note in step.get("notes", [])),
    }


def _accuracy_chart(report: Report) -> charts.AccuracyChart | None:
    samples = [
        charts.Sample(
            size=float(step["deflated_bytes"]),
            metric=float(step["metric"]),
            label=str(step.get("label") or step.get("step")),
            detail=f"{step.get('label')}: {fmt.metric(step['metric'])} at {format_bytes(step['deflated_bytes'])}",
        )
        for step in report.steps
        # The row of the finished file counts the whole file, not its weights: another size than the axis shows.
        if step.get("step") != "convert" and step.get("metric") is not None and step.get("deflated_bytes") is not None
    ]
    shipped = report.measurement("accuracy")
    if samples and shipped is not None and shipped.value is not None:
        how = fmt.METHODS.get(shipped.method, shipped.method)
        detail = f"the deployed .tflite, {how}: {fmt.metric(shipped.value)}"
        samples.append(charts.Sample(samples[-1].size, shipped.value, "deployed", detail, "device"))
    allowed = report.target.get("budget", {}).get("accuracy_drop")
    baseline = report.model.get("baseline")
    lower_is_better = report.model.get("higher_is_better", metric_name(report) != "mse") is False
    limit = None
    if allowed is not None and baseline is not None:
        limit = baseline + allowed if lower_is_better else baseline - allowed
    return charts.accuracy_chart(samples, limit)


def _histogram(report: Report) -> charts.Histogram | None:
    marks = []
    for quantity, text in (("latency_p50", "p50"), ("latency_p95", "p95"), ("latency_p99", "p99")):
        item = report.measurement(quantity)
        if item is not None and item.value is not None and item.method != "estimate":
            marks.append((f"{text} {format_seconds(item.value)}", item.value, "measured"))
        limit = report.target.get("budget", {}).get(quantity)
        if limit is not None:
            marks.append((f"{text} limit {format_seconds(limit)}", limit, "limit"))
    return charts.histogram(report.latency_samples, marks)


def _latency_line(report: Report) -> str:
    item = report.measurement("latency_p50")
    if item is None:
        return ""
    origin = fmt.METHODS.get(item.method, item.method)
    conditions = fmt.conditions(item)
    return f"{len(report.latency_samples)} timed runs {origin}" + (f"; {conditions}" if conditions else "")


def _latency_figures(report: Report) -> list[tuple[str, str]]:
    ordered = sorted(report.latency_samples)
    if not ordered:
        return []
    found = [("fastest", ordered[0])]
    for quantity, name in (("latency_p50", "median"), ("latency_p95", "p95"), ("latency_p99", "p99")):
        item = report.measurement(quantity)
        if item is not None and item.value is not None:
            found.append((name, item.value))
    return [(name, format_seconds(value)) for name, value in [*found, ("slowest", ordered[-1])]]


def _layers(report: Report) -> tuple[list[LayerRow], list[str]]:
    columns: list[tuple[str, str]] = [("macs", "MACs"), ("bytes", "Bytes"), ("live_bytes", "Memory while it runs")]
    for key, name in (("instructions", "Instructions"), ("seconds", "Time")):
        if any(layer.get(key) for layer in report.layers):
            columns.insert(1, (key, name))
    largest = {key: max((layer.get(key) or 0 for layer in report.layers), default=0) or 1 for key, _ in columns}
    rows = [
        LayerRow(
            layer=str(layer.get("layer") or ""),
            operator=str(layer.get("operator", "")),
            shape=fmt.shape(layer.get("shape", [])),
            cells=tuple(_cell(layer, key, largest[key]) for key, _ in columns),
            details=_layer_details(layer),
        )
        for layer in report.layers
    ]
    return rows, [name for _, name in columns]


def _cell(layer: Row, key: str, largest: float) -> tuple[str, float]:
    value = layer.get(key) or 0
    words = {"bytes": format_bytes, "live_bytes": format_bytes, "seconds": format_seconds}
    text = words.get(key, fmt.count)(value)
    return (text if value else ""), round(100 * value / largest, 1)


def _layer_details(layer: Row) -> str:
    weights = layer.get("weights") or 0
    if not weights:
        return ""
    zeros = fmt.share((layer.get("zeros") or 0) / weights)
    return f"{zeros} zeros, {layer.get('entropy') or 0:.1f} bit"


def _costliest(layers: list[LayerRow], number: int) -> list[LayerRow]:
    order = sorted(range(len(layers)), key=lambda index: -layers[index].cells[0][1])
    return [layers[index] for index in sorted(order[:number])]


def _totals(report: Report) -> list[tuple[str, str]]:
    totals = report.totals
    if not totals:
        return []
    weights = totals.get("weights") or 0
    peak = totals.get("peak", {})
    found = [
        ("operators", fmt.count(totals.get("operators"))),
        ("MACs", fmt.count(totals.get("macs"))),
        ("parameters", fmt.count(totals.get("parameters"))),
        ("in the file", format_bytes(totals.get("parameter_bytes", 0))),
    ]
    if weights:
        found.append(("zeros", fmt.share(totals.get("zeros", 0) / weights)))
        found.append(("at their entropy", format_bytes(totals.get("entropy_bytes", 0))))
    if peak.get("activation_bytes"):
        found.append(("peak activations", format_bytes(peak["activation_bytes"])))
    return found


def _measurement_rows(report: Report) -> list[dict[str, str]]:
    """Every measurement; conditions that are those of the row above are not repeated."""
    rows, above = [], ""
    for item in report.measurements:
        conditions = fmt.conditions(item)
        rows.append(
            {
                "name": fmt.label(item.quantity) if item.quantity != "accuracy" else metric_name(report).capitalize(),
                "value": fmt.value_of(item),
                "method": fmt.METHODS.get(item.method, item.method),
                "kind": item.method,
                "detail": item.detail,
                "conditions": "" if conditions == above else conditions,
            }
        )
        above = conditions
    return rows


def _methods_used(report: Report) -> list[tuple[str, str]]:
    used: Mapping[str, None] = dict.fromkeys(item.method for item in report.measurements)
    return [(fmt.METHODS[method], meaning) for method, meaning in fmt.METHOD_MEANINGS.items() if method in used]
