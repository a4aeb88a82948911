"""The walk through the corridor: every room's one function, in order. The command line, Make and Python call these."""

from __future__ import annotations

from edgepack.pipeline.bench import run_bench, run_compare
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.crossval import CrossValidation, run_crossval
from edgepack.pipeline.deploy import Outcome, run_deploy
from edgepack.pipeline.explain import run_explain
from edgepack.pipeline.request import Plan, Request, prepare, result_folder
from edgepack.pipeline.rollback import run_rollback

__all__ = [
    "Built",
    "CrossValidation",
    "Outcome",
    "Plan",
    "Request",
    "build",
    "prepare",
    "result_folder",
    "run_bench",
    "run_compare",
    "run_crossval",
    "run_deploy",
    "run_explain",
    "run_rollback",
]
