"""Opens one trusted model file, in a process that gave up everything else first. See trusted.py, which starts it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Open `job["file"]`, and leave what edgepack keeps of it in the folder `job["out"]`.

    Returns:
        {"layers": [[name, number of arrays], …]} for weights, {} for a model; or {"refused": how} for what a user can act on.
    """
    from edgepack.workers.confinement.confine import confine, limit_work

    given_up = confine(Path(job["scratch"]), job["memory"])
    sys.path += [path for path in job["path"] if path not in sys.path]

    from edgepack.ground.errors import EdgepackError
    from edgepack.sources.keras.custom_objects import load_custom_objects
    from edgepack.sources.keras.frameworks import import_tf_keras
    from edgepack.sources.limits import kept_off, out_of_memory

    import_tf_keras()
    try:
        objects = load_custom_objects(job["custom_objects"], Path(job["folder"]))
    except EdgepackError as error:
        return _refused(error)
    print(job["sign"], *given_up, flush=True)
    limit_work(job["memory"], job["seconds"])
    try:
        return _weights(job, objects) if job["weights_only"] else _model(job, objects)
    except Exception as error:
        if out_of_memory(error):
            return {"refused": {"kind": "memory"}}
        denied = kept_off(error)
        if denied is not None:
            return {"refused": {"kind": "denied", "message": f"{type(denied).__name__}: {denied}"}}
        if isinstance(error, EdgepackError):
            return _refused(error)
        raise


def _model(job: dict[str, Any], objects: dict[str, Any]) -> dict[str, Any]:
    """Store the model as any other is stored."""
    from edgepack.sources.keras.files import open_model
    from edgepack.sources.keras.store import store_model

    file, weights = Path(job["file"]), Path(job["weights"]) if job["weights"] else None
    store_model(open_model(file, objects, trust=True), objects, weights, Path(job["out"]), file.name, _open_donor)
    return {}


def _weights(job: dict[str, Any], objects: dict[str, Any]) -> dict[str, Any]:
    """Write each array of weights to a file of its own: 0.npy, 1.npy, …"""
    import numpy as np

    layers, number = [], 0
    for layer in _open_donor(Path(job["file"]), objects).layers:
        layers.append([layer.layer, len(layer.values)])
        for value in layer.values:
            np.save(Path(job["out"]) / f"{number}.npy", value, allow_pickle=False)
            number += 1
    return {"layers": layers}


def _open_donor(file: Path, objects: Any) -> Any:
    from edgepack.sources.keras.weights import open_donor

    return open_donor(file, objects, trust=True)


def _refused(error: Any) -> dict[str, Any]:
    unknown = type(error).__name__ == "UnknownLayer"
    return {
        "refused": {
            "kind": "unknown layer" if unknown else "model",
            "code": error.code,
            "message": str(error),
            "hint": error.hint,
        }
    }
