"""`edgepack.load_project` and `edgepack.load_target`: files as objects."""

from __future__ import annotations

from os import fspath
from pathlib import Path

from edgepack import project as room
from edgepack.api.settings import File, Settings, as_overrides
from edgepack.project import Project, Target


def load_project(folder: File, *, settings: Settings = ()) -> Project:
    """The project in a folder, or of an edgepack.toml.

    Args:
        folder: The folder or the file.
        settings: Changes as `--set` has them: `{"data.metric": "f1", "recipe.prune.sparsity": 0.7}`.

    Raises:
        ProjectError: EP-101 to EP-108, with file and line.
    """
    return room.load_project(Path(folder), as_overrides(settings))


def load_target(name: File, *, settings: Settings = ()) -> Target:
    """A target by its name, looked for in ./targets and among those that come with edgepack, or by its profile's path.

    Args:
        name: Such as "cortex-m4".
        settings: Changes as `--set` has them: `{"budget.ram": "32 KiB"}`.

    Raises:
        ProjectError: EP-101 to EP-108.

    >>> load_target("cortex-m4", settings={"budget.ram": "32 KiB"}).budget.ram
    32768
    """
    return room.load_target(fspath(name), None, as_overrides(settings))
