"""Normal examples to learn from, and a test set with anomalies in it."""

from pathlib import Path
from typing import Any

import numpy as np

import edgepack

NORMAL = (0, 1, 2, 3, 4)


def load(path: Path | None) -> dict[str, Any]:
    """Training examples without labels, all normal; test examples with 0 for normal and 1 for an anomaly.

    Without `path`: scikit-learn's handwritten digits, of which 0 to 4 count as normal and 5 to 9, never seen in training, as
    anomalies. `path` is an .npz with x_train (normal only), x_test and y_test, or other names that edgepack knows; examples
    are flattened.
    """
    if path is not None:
        found = {"class_names": ["normal", "anomaly"]}
        for split, (x, y) in without_names(edgepack.read_npz(path)).items():
            found[split] = (flat(x), y if split == "test" else None)
        return found
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x = (digits.data / 16.0).astype("float32")
    is_normal = np.isin(digits.target, NORMAL)
    x_train, x_normal = train_test_split(x[is_normal], test_size=0.3, random_state=0, stratify=digits.target[is_normal])
    x_test = np.concatenate([x_normal, x[~is_normal]])
    y_test = np.concatenate([np.zeros(len(x_normal), int), np.ones(len(x_test) - len(x_normal), int)])
    return {
        "train": (x_train, None),
        "test": (x_test, y_test),
        "class_names": ["normal", "anomaly"],
        "preprocessing": {"input": "64 ink values of a scanned digit, 0 to 16", "scale": "1 / 16"},
    }


def without_names(data: dict[str, Any]) -> dict[str, Any]:
    """The splits alone."""
    return {key: value for key, value in data.items() if key != "class_names"}


def flat(x: np.ndarray) -> np.ndarray:
    """Each example as one row."""
    return x.reshape(len(x), -1)
