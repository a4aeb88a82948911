"""A fleet's report on a terminal."""

from __future__ import annotations

from rich.console import Console

from edgepack.report.fleet import FleetReport
from edgepack.report.fleet_rows import COLUMNS, fleet_row
from edgepack.report.terminal.tables import Column, print_line, print_table

_STYLES = {"pass": "bold green", "fail": "bold red", "part": "yellow"}


def print_fleet(report: FleetReport, console: Console) -> None:
    """The table of all devices."""
    print_line(console, "")
    tone = "bold green" if report.exit_code == 0 and not report.stopped_by else "bold red"
    print_line(console, f"{report.name} on {report.target.name}: ", (report.headline(), tone))
    rows = []
    for device in report.devices:
        row = fleet_row(device)
        rows.append((row.name, (row.state, _STYLES[row.tone]), row.budgets, row.latency, row.sent, row.took, row.why))
    print_table(console, [Column(name, right) for name, right in COLUMNS], rows)
    for device in report.devices:
        if device.hint:
            print_line(console, f"  {device.name}: error {device.code}; try: {device.hint}")
    if report.stopped_by:
        print_line(console, ("the roll-out was stopped by ", "yellow"), report.stopped_by)
    for text in report.warnings:
        print_line(console, ("warning: ", "yellow"), text)
