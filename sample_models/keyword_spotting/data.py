"""Spoken words as MFCC features, from an archive the user gives."""

from pathlib import Path
from typing import Any

import numpy as np

import edgepack

WANTED = (
    "an .npz with x (clips x 49 x 10, MFCC), y (word numbers) and split (0 train, 1 validation, 2 test), or x_train, y_train, …; "
    "see the sample's README for how to make one from Speech Commands"
)


def load(path: Path | None) -> dict[str, Any]:
    """The clips of the archive, or of the archive of that form in a folder; `classes` in it names the words."""
    if path is None:
        raise FileNotFoundError(f"give the data with --data: {WANTED}")
    found = {key: clips(*value) if key != "class_names" else value for key, value in find(path).items()}
    return {
        **found,
        "preprocessing": {
            "input": "10 MFCC of 49 frames (30 ms, every 20 ms) of one second at 16 kHz",
            "features": "MLPerf Tiny keyword spotting: 40 mel bands 20..4000 Hz, log, DCT-II, the first 10 coefficients",
        },
    }


def clips(x: np.ndarray, y: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Clips with a channel axis, and their words."""
    return (x[..., None] if x.shape[1:] == (49, 10) else x), y


def find(path: Path) -> dict[str, Any]:
    """What the archive holds, or the first of a folder whose examples are clips."""
    for file in sorted(path.glob("*.npz")) if path.is_dir() else [path]:
        try:
            found = edgepack.read_npz(file)
        except edgepack.EdgepackError:
            if not path.is_dir():
                raise
            continue
        if found["train"][0].shape[1:3] == (49, 10):
            return found
    raise FileNotFoundError(f"{path.name} is not, or does not hold, {WANTED}")
