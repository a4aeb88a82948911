"""A fleet's report.html: all devices, with links to each one's own page."""

from __future__ import annotations

from pathlib import Path

from edgepack.report.fleet import FleetReport
from edgepack.report.fleet_rows import COLUMNS, fleet_row

_TEMPLATE = Path(__file__).parent / "fleet.html"


def fleet_html(report: FleetReport) -> str:
    """All devices as one HTML page, with links to each one's own."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        title=f"{report.name} on {report.target.name}",
        columns=COLUMNS,
        rows=[fleet_row(device) for device in report.devices],
    )
