"""`edgepack.fit`: which targets a model fits."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from edgepack.api.settings import File, Settings, as_overrides
from edgepack.ground.private import private_files
from edgepack.ground.progress import choose_progress
from edgepack.pipeline.fit import run_fit
from edgepack.project import Target

if TYPE_CHECKING:
    from edgepack.report.fit import Fit

OneTarget = str | PathLike[str] | Target


@private_files()
def fit(model: File, *, targets: OneTarget | Sequence[OneTarget] = "all", settings: Settings = (), quiet: bool = False) -> Fit:
    """Which targets a .tflite fits: flash, RAM and estimated latency against each one's budgets, and what would make it fit.

    Microcontrollers get the model compiled, linked and run once on an emulated core; of phones and boards the file and the
    tensors are looked at and nothing is timed.

    Args:
        model: A .tflite, or a project folder or a Keras file, for the model that it was last deployed as.
        targets: "all", or names, files and objects of targets.
        settings: Changes to each target that has such a setting: `{"budget.flash": "32 KiB"}`.
        quiet: No progress display.

    Returns:
        A row a target with its verdicts, peaks and advice; `fits` says whether all of them pass.

    Raises:
        ProjectError: EP-107, EP-108, EP-165, EP-185 for targets and settings; EP-166, EP-167 when there is no model.
        ModelError: EP-20x for what is no .tflite.
        EdgepackError: What else keeps it from being looked at. A model that one target refuses is a row.
    """
    given = (targets,) if isinstance(targets, (str, PathLike, Target)) else tuple(targets)
    names = [one if isinstance(one, Target) else fspath(one) for one in given]
    return run_fit(Path(model), names, as_overrides(settings), choose_progress(quiet))
