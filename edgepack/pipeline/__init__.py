"""The walk through the corridor: every room's one function, in order. The command line, Make and Python call these."""

from __future__ import annotations

from edgepack.pipeline.bench import run_bench, run_compare
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.crossval import run_crossval
from edgepack.pipeline.deploy import run_deploy
from edgepack.pipeline.destination import Destination, DeviceRequest
from edgepack.pipeline.explain import run_explain
from edgepack.pipeline.manage import Managed, list_installed, run_rollback, run_uninstall
from edgepack.pipeline.request import Plan, ProjectPlan, Request, latest_results, prepare, result_folder

__all__ = [
    "Built",
    "Destination",
    "DeviceRequest",
    "Managed",
    "Plan",
    "ProjectPlan",
    "Request",
    "build",
    "latest_results",
    "list_installed",
    "prepare",
    "result_folder",
    "run_bench",
    "run_compare",
    "run_crossval",
    "run_deploy",
    "run_explain",
    "run_rollback",
    "run_uninstall",
]
