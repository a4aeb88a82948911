"""edgepack: from a Keras model to a measured, judged deployment on a phone, a Raspberry Pi or a microcontroller.

    import edgepack

    report = edgepack.deploy("my_project", target="cortex-m4")

    report = edgepack.deploy(
        model=keras_model,
        data=(x_train, y_train, x_test, y_test),
        recipe=[edgepack.Prune(sparsity=0.5), edgepack.Quantize(aware=True)],
        target="cortex-m4",
    )
    report.passed, report.accuracy, report.model_path, report.to_dict()

Every name is imported when it is used, and TensorFlow only when a Keras model is opened. See docs/guides/python.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edgepack.api.bench import bench, compare
    from edgepack.api.data import read_npz
    from edgepack.api.deploy import deploy
    from edgepack.api.explain import crossval, explain
    from edgepack.api.export import export
    from edgepack.api.fit import fit
    from edgepack.api.inspect import inspect, inspect_coding
    from edgepack.api.load import load_project, load_target
    from edgepack.api.search import find_recipe
    from edgepack.compress import (
        BiasCorrection,
        Cluster,
        Distill,
        Equalize,
        Fold,
        LowRank,
        Prune,
        Quantize,
        Recipe,
        Structured,
        Train,
    )
    from edgepack.ground.errors import EdgepackError
    from edgepack.project import Project, Target
    from edgepack.report import Fit, FleetReport, Report

_HOMES = {
    "edgepack.api.bench": ("bench", "compare"),
    "edgepack.api.data": ("read_npz",),
    "edgepack.api.deploy": ("deploy",),
    "edgepack.api.explain": ("crossval", "explain"),
    "edgepack.api.export": ("export",),
    "edgepack.api.fit": ("fit",),
    "edgepack.api.inspect": ("inspect", "inspect_coding"),
    "edgepack.api.load": ("load_project", "load_target"),
    "edgepack.api.search": ("find_recipe",),
    "edgepack.compress": (
        "BiasCorrection", "Cluster", "Distill", "Equalize", "Fold", "LowRank",
        "Prune", "Quantize", "Recipe", "Structured", "Train",
    ),
    "edgepack.ground.errors": ("EdgepackError",),
    "edgepack.project": ("Project", "Target"),
    "edgepack.report": ("Fit", "FleetReport", "Report"),
}  # fmt: skip
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "BiasCorrection",
    "Cluster",
    "Distill",
    "EdgepackError",
    "Equalize",
    "Fit",
    "FleetReport",
    "Fold",
    "LowRank",
    "Project",
    "Prune",
    "Quantize",
    "Recipe",
    "Report",
    "Structured",
    "Target",
    "Train",
    "bench",
    "compare",
    "crossval",
    "deploy",
    "explain",
    "export",
    "find_recipe",
    "fit",
    "inspect",
    "inspect_coding",
    "load_project",
    "load_target",
    "read_npz",
]


def __getattr__(name: str) -> Any:
    """The public name, imported now."""
    if name not in _HOME:
        raise AttributeError(f"module 'edgepack' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
