"""Reports of a deployment: terminal, HTML, JSON and JUnit."""

from __future__ import annotations

from edgepack.report.comparison import comparison_sentence, print_comparison
from edgepack.report.crossval import print_crossval
from edgepack.report.explanation import print_explanation
from edgepack.report.fleet import FleetDevice, FleetReport, fleet_from_json, with_report, worst
from edgepack.report.fleet_pages import print_fleet, write_fleet_reports
from edgepack.report.report import SCHEMA_VERSION, Report, plain
from edgepack.report.store import ReportFiles, pack_warning, read_any_report, read_report, write_reports
from edgepack.report.terminal import print_inspection, print_layer_times, print_measurements, print_report

__all__ = [
    "SCHEMA_VERSION",
    "FleetDevice",
    "FleetReport",
    "Report",
    "ReportFiles",
    "comparison_sentence",
    "fleet_from_json",
    "pack_warning",
    "plain",
    "print_comparison",
    "print_crossval",
    "print_explanation",
    "print_fleet",
    "print_inspection",
    "print_layer_times",
    "print_measurements",
    "print_report",
    "read_any_report",
    "read_report",
    "with_report",
    "worst",
    "write_fleet_reports",
    "write_reports",
]
