"""Reports of a deployment: terminal, HTML, JSON and JUnit."""

from __future__ import annotations

from edgepack.report.crossval import Candidate, CrossValidation
from edgepack.report.fit import Change, Fit, Need, Peak, Refusal, TargetFit
from edgepack.report.fleet import FleetDevice, FleetReport, fleet_from_json, with_report, worst
from edgepack.report.parts import InterpreterFacts, LayerFigures, McuFacts, ModelFacts, ModelTotals, RecipeStep
from edgepack.report.report import SCHEMA_VERSION, Report
from edgepack.report.search import SearchPoint, SearchReport, Spread
from edgepack.report.store import (
    ReportFiles,
    pack_warning,
    read_any_report,
    read_report,
    write_fleet_reports,
    write_reports,
)
from edgepack.report.terminal.coding import print_coding
from edgepack.report.terminal.comparison import comparison_sentence, print_comparison
from edgepack.report.terminal.crossval import print_crossval
from edgepack.report.terminal.explanation import print_explanation
from edgepack.report.terminal.fit import print_fit
from edgepack.report.terminal.fleet import print_fleet
from edgepack.report.terminal.inspection import print_inspection
from edgepack.report.terminal.measurements import print_layer_times, print_measurements
from edgepack.report.terminal.report import print_report
from edgepack.report.terminal.search import print_search
from edgepack.report.terminal.tables import Column, print_table, standard_output

__all__ = [
    "SCHEMA_VERSION",
    "Candidate",
    "Change",
    "Column",
    "CrossValidation",
    "Fit",
    "FleetDevice",
    "FleetReport",
    "InterpreterFacts",
    "LayerFigures",
    "McuFacts",
    "ModelFacts",
    "ModelTotals",
    "Need",
    "Peak",
    "RecipeStep",
    "Refusal",
    "Report",
    "ReportFiles",
    "SearchPoint",
    "SearchReport",
    "Spread",
    "TargetFit",
    "comparison_sentence",
    "fleet_from_json",
    "pack_warning",
    "print_coding",
    "print_comparison",
    "print_crossval",
    "print_explanation",
    "print_fit",
    "print_fleet",
    "print_inspection",
    "print_layer_times",
    "print_measurements",
    "print_report",
    "print_search",
    "print_table",
    "read_any_report",
    "read_report",
    "standard_output",
    "with_report",
    "worst",
    "write_fleet_reports",
    "write_reports",
]
