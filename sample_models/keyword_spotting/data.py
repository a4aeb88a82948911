"""Spoken words as MFCC features, from an archive the user gives."""

from pathlib import Path
from typing import Any

import numpy as np

WANTED = (
    "an .npz with x (clips x 49 x 10, MFCC), y (word numbers) and split (0 train, 1 validation, 2 test); "
    "see the sample's README for how to make one from Speech Commands"
)


def load(path: Path | None) -> dict[str, Any]:
    """The clips of the archive, or of the archive of that form in a folder; `classes` in it names the words."""
    if path is None:
        raise FileNotFoundError(f"give the data with --data: {WANTED}")
    with np.load(find(path), allow_pickle=False) as archive:
        x, y, split = archive["x"].astype("float32"), archive["y"], archive["split"]
        names = archive["classes"].tolist() if "classes" in archive.files else None
    if x.shape[1:] == (49, 10):
        x = x[..., None]
    train, validation, test = ((x[split == number], y[split == number]) for number in (0, 1, 2))
    return {
        "train": train,
        "validation": validation,
        "test": test,
        "class_names": names,
        "preprocessing": {
            "input": "10 MFCC of 49 frames (30 ms, every 20 ms) of one second at 16 kHz",
            "features": "MLPerf Tiny keyword spotting: 40 mel bands 20..4000 Hz, log, DCT-II, the first 10 coefficients",
        },
    }


def find(path: Path) -> Path:
    """The archive to read."""
    candidates = sorted(path.glob("*.npz")) if path.is_dir() else [path]
    for file in candidates:
        with np.load(file, allow_pickle=False) as archive:
            if {"x", "y", "split"} <= set(archive.files) and archive["x"].shape[1:3] == (49, 10):
                return file
    raise FileNotFoundError(f"{path.name} is not, or does not hold, {WANTED}")
