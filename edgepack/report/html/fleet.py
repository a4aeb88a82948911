"""A fleet's report.html: all devices, with links to each one's own page."""

from __future__ import annotations

from pathlib import Path

from edgepack.report.fleet import FleetReport
from edgepack.report.fleet_rows import COLUMNS, fleet_row
from edgepack.report.html.template import template

_TEMPLATE = Path(__file__).parent / "fleet.html"


def fleet_html(report: FleetReport) -> str:
    """All devices as one HTML page, with links to each one's own."""
    return template(_TEMPLATE).render(
        report=report,
        title=f"{report.name} on {report.target.name}",
        columns=COLUMNS,
        rows=[fleet_row(device) for device in report.devices],
    )
