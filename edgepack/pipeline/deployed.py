"""The pack that a project's last deployment left."""

from __future__ import annotations

import shlex
from pathlib import Path

from edgepack.ground.errors import ProjectError
from edgepack.pack import read_pack
from edgepack.pipeline.request import latest_results, result_folder
from edgepack.project import is_keras_model, is_model, list_targets


def model_of(path: Path) -> Path:
    """The .tflite that a path stands for: the file itself, or the one that a project or a Keras model was last deployed as.

    Raises:
        ProjectError: EP-166 for a Keras model that does not exist, EP-167 for what was not deployed yet.
    """
    if is_keras_model(path) and not path.exists():
        raise ProjectError("EP-166", f"the model: there is no file {path}", "check the path")
    if not (path.is_dir() or is_keras_model(path) or path.suffix == ".toml"):
        return path
    results = latest_results(path)
    return read_pack(last_pack(results or result_folder(path, "host", None), path)).model


def last_pack(out: Path, project: Path) -> Path:
    """The pack of the last deployment to the results' folder `out`, else to another target.

    Raises:
        ProjectError: EP-167 when there is none.
    """
    home = project.parent if is_model(project) else project
    others = [result_folder(project, target.name, None) for target in list_targets(home)]
    found = [folder / "pack" for folder in (out, *others) if (folder / "pack").is_dir()]
    if not found:
        raise ProjectError("EP-167", f"{project} was not deployed yet: it has no pack", _how_to_deploy(project))
    return found[0]


def _how_to_deploy(project: Path) -> str:
    command = f"edgepack deploy {shlex.quote(str(project))}"
    return f"{command} --data DATA.npz" if is_keras_model(project) else command
