"""A report in a notebook: the headline and the verdicts, as a fragment of HTML."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from edgepack.ground.escape import harmless
from edgepack.judge.verdict import Verdict
from edgepack.report import format as fmt
from edgepack.report.words import device_sentence, headline, model_label, status_of, tone_of

if TYPE_CHECKING:
    from edgepack.report.fleet import FleetReport
    from edgepack.report.report import Report

# White on these has a contrast of at least 4.5, whatever the notebook's own background; everything else takes the notebook's
# colours.
_COLOURS = {"pass": "#1a7f37", "fail": "#cf222e", "part": "#8a5a00"}
_TONES = {"PASS": "pass", "FAIL": "fail", "NOT MEASURED": "part"}
_CELL = "padding:2px 10px 2px 0;text-align:left;vertical-align:top"
_NUMBER = "padding:2px 10px 2px 0;text-align:right;vertical-align:top;white-space:nowrap"


def report_fragment(report: Report) -> str:
    """The headline, what the device was, and a row a budget. It has no script or style sheet and loads nothing."""
    title = f"<strong>{_escape(model_label(report))}</strong> {_pill(headline(report), tone_of(report))}"
    lines = [f"<div>{title}</div>", f'<div style="opacity:0.75">{_escape(device_sentence(report))}</div>']
    if report.verdicts:
        names = (("verdict", _CELL), ("budget", _CELL), ("measured", _NUMBER), ("limit", _NUMBER), ("why", _CELL))
        head = "".join(f'<th style="{style}">{name}</th>' for name, style in names)
        rows = "".join(_row(verdict) for verdict in report.verdicts)
        lines.append(f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>')
    return f'<div style="line-height:1.5">{"".join(lines)}</div>'


def fleet_fragment(report: FleetReport) -> str:
    """The headline, and a row per device."""
    tone = "pass" if report.passed else "fail"
    lines = [f"<div><strong>{_escape(report.name)}</strong> {_pill(report.headline(), tone)}</div>"]
    rows = "".join(
        f'<tr><td style="{_CELL}">{_escape(one.name)}</td><td style="{_CELL}">{_escape(one.state)}</td>'
        f'<td style="{_CELL}">{_escape(one.why)}</td></tr>'
        for one in report.devices
    )
    lines.append(f'<table style="border-collapse:collapse"><tbody>{rows}</tbody></table>')
    return f'<div style="line-height:1.5">{"".join(lines)}</div>'


def _row(verdict: Verdict) -> str:
    cells = [
        (_pill(status_of(verdict), _TONES[verdict.status]), _CELL),
        (_escape(fmt.label(verdict.budget)), _CELL),
        (_escape(fmt.judged_value(verdict)), _NUMBER),
        (_escape(fmt.limit_of(verdict)), _NUMBER),
        (_escape(verdict.why), _CELL),
    ]
    return "<tr>" + "".join(f'<td style="{style}">{text}</td>' for text, style in cells) + "</tr>"


def _pill(text: str, tone: str) -> str:
    style = f"background:{_COLOURS[tone]};color:#fff;border-radius:4px;padding:0 6px;white-space:nowrap"
    return f'<span style="{style}">{_escape(text)}</span>'


def _escape(text: str) -> str:
    return html.escape(harmless(text))
