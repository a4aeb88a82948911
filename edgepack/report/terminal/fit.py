"""`edgepack fit` on a terminal: which targets a model fits, where it needs most, and what would make it fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rich.console import Console

from edgepack.ground.escape import shell_line
from edgepack.judge import Verdict
from edgepack.project.units import format_bytes, format_hertz, format_quantity
from edgepack.report import format as fmt
from edgepack.report.fit import Change, Fit, Need, Peak, TargetFit
from edgepack.report.terminal.tables import STATUS_STYLES, Column, print_line, print_table

K = TypeVar("K")

_LATENCIES = ("latency_p50", "latency_p95", "latency_p99")
_MOST_CHANGES = 2


def print_fit(fit: Fit, console: Console) -> None:
    """The tables, the peaks, the advice, and the answer in one line at the end."""
    rows = (*fit.rows, *fit.others)
    print_line(console, "")
    print_line(console, (fit.model, "bold"), f", {format_bytes(fit.size_bytes)}")
    print_line(console, "")
    _print_cores([row for row in rows if row.kind == "mcu"], console)
    _print_machines([row for row in rows if row.kind != "mcu"], console)
    _print_refused(rows, console)
    _print_peaks(rows, console)
    for row in fit.rows:
        if row.missed:
            _print_advice(row, console)
    _print_answer(fit, console)


def _print_cores(rows: Sequence[TargetFit], console: Console) -> None:
    if not rows:
        return
    columns = (
        Column("microcontroller"),
        Column("verdict"),
        Column("flash", True),
        Column("RAM", True),
        Column("latency *", True),
    )
    table = [(row.target, _status(row), _cell(row, "flash"), _cell(row, "ram"), _latency(row)) for row in rows]
    print_table(console, columns, table)
    taken = [row for row in rows if row.refused is None]
    for basis, names in _grouped((_basis(row), row.target) for row in taken):
        print_line(console, (f"* {', '.join(map(_short, names))}: {basis}", "dim"))
    if taken:
        print_line(console, "")


def _basis(row: TargetFit) -> str:
    """What a row's latency is worth, in the measurement's own words."""
    timed = next((item for item in row.measurements if item.quantity == "latency_p50"), None)
    if timed is None:
        return "no time is known in TensorFlow Lite Micro"
    if timed.value is not None:
        return str(timed.conditions.get("error", timed.detail))
    return f"not run, {timed.detail}; {fmt.count(row.value('instructions'))} instructions predicted; RAM without the stack"


def _print_machines(rows: Sequence[TargetFit], console: Console) -> None:
    if not rows:
        return
    columns = (Column("phone, board, PC"), Column("verdict"), Column("file", True), Column("tensors", True), Column("engine"))
    table = [(row.target, _status(row), _cell(row, "model_size"), fmt.size(row.value("tensors")), row.engine) for row in rows]
    print_table(console, columns, table)
    unknown = dict.fromkeys(
        "latency" if verdict.budget in _LATENCIES else fmt.label(verdict.budget).lower()
        for row in rows
        for verdict in row.verdicts
        if verdict.counts and verdict.status == "NOT MEASURED"
    )
    if unknown:
        print_line(console, (f"Only a run on the device tells {' and '.join(unknown)}: edgepack deploy --target NAME", "dim"))
        print_line(console, "")


def _print_refused(rows: Sequence[TargetFit], console: Console) -> None:
    for refusal, names in _grouped((row.refused, row.target) for row in rows if row.refused is not None):
        print_line(console, (refusal.code, STATUS_STYLES["FAIL"]), f" on {', '.join(map(_short, names))}: {refusal.message}")
        if refusal.hint:
            print_line(console, f"  try: {refusal.hint}")
        print_line(console, "")


def _print_peaks(rows: Sequence[TargetFit], console: Console) -> None:
    """The layers that need most, each with the targets where that is so."""
    columns = (Column("most"), Column("layer"), Column("operator", style="dim"), Column("", True), Column("on"))
    table = []
    peaks: tuple[Callable[[TargetFit], Peak | None], ...] = (lambda row: row.ram_peak, lambda row: row.time_peak)
    for peak_of in peaks:
        found = [(peak, row.target) for row in rows if (peak := peak_of(row)) is not None]
        for (layer, operator, unit), _ in _grouped(((peak.layer, peak.operator, peak.unit), name) for peak, name in found):
            there = [(peak, name) for peak, name in found if (peak.layer, peak.operator, peak.unit) == (layer, operator, unit)]
            of = "RAM" if unit == "bytes" else unit
            table.append((of, layer, operator, _much([peak for peak, _ in there]), ", ".join(_short(name) for _, name in there)))
    if table:
        print_table(console, columns, table)


def _much(peaks: Sequence[Peak]) -> str:
    """One layer's peaks on several targets: "33.4 KiB", "33.4 to 33.5 KiB", "19.6 to 20.5 %"."""
    if peaks[0].share is None:
        return _range([format_bytes(min(peak.value for peak in peaks)), format_bytes(max(peak.value for peak in peaks))])
    shares = [peak.share or 0.0 for peak in peaks]
    return _range([fmt.share(min(shares)), fmt.share(max(shares))])


def _range(ends: Sequence[str]) -> str:
    low, high = ends
    same_unit = low.rpartition(" ")[2] == high.rpartition(" ")[2]
    return low if low == high else f"{low.rpartition(' ')[0] if same_unit else low} to {high}"


def _print_advice(row: TargetFit, console: Console) -> None:
    """What a target misses and by how much, what was tried, and what it would take."""
    print_line(console, (f"{row.target} ", "bold"), "misses ", (", ".join(_missed(verdict) for verdict in row.missed), "red"))
    for change in [each for each in row.changes if each.status == "PASS"][:_MOST_CHANGES] or _nearest(row):
        print_line(console, "  ", (_set(change), "bold"), f": {_outcome(change, row)}")
    if row.ram_peak is not None and not row.changes:
        print_line(console, "  no setting of coding, optimize or input brings that down")
    for need in row.needs:
        print_line(console, f"  {_needed(need, row)}")
    print_line(console, "")


def _nearest(row: TargetFit) -> list[Change]:
    """Of changes that are not enough, for each missed budget the one that brings it down most."""
    if not row.changes:
        return []
    best = [min(row.changes, key=lambda each: each.value(verdict.budget)).settings for verdict in row.missed]
    return [change for change in row.changes if change.settings in best]


def _missed(verdict: Verdict) -> str:
    return f"{_name(verdict.budget)} ({fmt.judged_value(verdict)} > {fmt.limit_of(verdict)})"


def _set(change: Change) -> str:
    return shell_line(word for each in change.settings for word in ("--set", each))


def _outcome(change: Change, row: TargetFit) -> str:
    """The figures that a change gives for what is missed, and what is still missed."""
    before = {verdict.budget for verdict in row.missed}
    shown = [verdict for verdict in change.verdicts if verdict.budget in before or verdict.status == "FAIL"]
    figures = ", ".join(
        f"{_name(verdict.budget)} {fmt.judged_value(verdict)} {'>' if verdict.status == 'FAIL' else '≤'} {fmt.limit_of(verdict)}"
        for verdict in shown
    )
    return f"{'fits' if change.status == 'PASS' else 'not enough'}: {figures}"


def _needed(need: Need, row: TargetFit) -> str:
    if need.what == "clock" and need.wanted is not None:
        return (
            f"{_name(need.budget)} is met from {format_hertz(need.wanted)} on ({format_hertz(need.now)} now), "
            f"or with {need.factor:.2f} times fewer cycles"
        )
    what = {"constants": "weights and tables", "arena": "the arena", "file": "the file"}[need.what]
    holds = f" ('{row.ram_peak.layer}' holds the peak)" if need.what == "arena" and row.ram_peak is not None else ""
    if need.wanted is None or need.factor is None:
        return f"{_name(need.budget)}: without any of {what} ({format_bytes(need.now)}) it is over the limit already"
    return (
        f"{_name(need.budget)}: {what} would have to be {'more than ' if need.at_least else ''}{need.factor:.2f} times smaller, "
        f"{format_bytes(need.wanted)} instead of {format_bytes(need.now)}{holds}"
    )


def _print_answer(fit: Fit, console: Console) -> None:
    counts = [f"{number} {status}" for status in STATUS_STYLES if (number := sum(row.status == status for row in fit.rows))]
    smallest = "no microcontroller that was tried passes."
    if fit.smallest:
        title = fit.row(fit.smallest).title
        smallest = f"the smallest microcontroller that passes of those tried is {fit.smallest}: {title}."
    print_line(console, (", ".join(counts), STATUS_STYLES["PASS" if fit.fits else "FAIL"]), f"; {smallest}")


def _status(row: TargetFit) -> tuple[str, str]:
    """The verdict, or the code of the error that the model is refused with."""
    return (row.status if row.refused is None else row.refused.code, STATUS_STYLES[row.status])


def _name(budget: str) -> str:
    """A budget inside a sentence: "flash", "RAM", "median latency", "p95 latency"."""
    if budget in _LATENCIES:
        return f"{'median' if budget == 'latency_p50' else budget.removeprefix('latency_')} latency"
    return "RAM" if budget == "ram" else fmt.label(budget).lower()


def _cell(row: TargetFit, budget: str) -> tuple[str, str]:
    """Such as "86.4 ≤ 128 KiB", red with ">" where it is missed; without a limit the figure alone."""
    verdict = next((each for each in row.verdicts if each.budget == budget), None)
    if verdict is None:
        value = row.value(budget)
        return ("—" if value is None else format_quantity(value, "s" if budget in _LATENCIES else "bytes"), "dim")
    limit = format_quantity(verdict.limit, verdict.unit)
    if verdict.status == "NOT MEASURED" or verdict.measurement is None or verdict.measurement.value is None:
        known = row.value("arena") if budget == "ram" else None
        part = "" if known is None else f"{_in_unit_of(limit, format_bytes(known))} + "
        return (f"{part}? of {limit}", STATUS_STYLES["NOT MEASURED"])
    shown = _in_unit_of(limit, format_quantity(verdict.measurement.value, verdict.unit))
    return (f"{shown} {'>' if verdict.status == 'FAIL' else '≤'} {limit}", STATUS_STYLES[verdict.status])


def _in_unit_of(limit: str, value: str) -> str:
    """The value's number alone where its unit is the limit's."""
    number, _, unit = value.rpartition(" ")
    return number if unit == limit.rpartition(" ")[2] else value


def _latency(row: TargetFit) -> tuple[str, str]:
    """The latency that is nearest to its limit, or over it the most."""
    limits = {verdict.budget: verdict.limit for verdict in row.verdicts if verdict.budget in _LATENCIES}
    return _cell(row, min(limits, key=lambda budget: limits[budget], default="latency_p50"))


def _short(target: str) -> str:
    return target.removeprefix("cortex-")


def _grouped(pairs: Iterable[tuple[K, str]]) -> list[tuple[K, list[str]]]:
    found: dict[K, list[str]] = {}
    for key, name in pairs:
        found.setdefault(key, []).append(name)
    return list(found.items())
