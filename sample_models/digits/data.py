"""The 1,797 handwritten digits that scikit-learn carries (UCI, Alpaydin and Kaynak 1998)."""

from pathlib import Path
from typing import Any

import edgepack


def load(path: Path | None) -> dict[str, Any]:
    """1,437 training and 360 test images of shape (8, 8, 1), values 0 to 1, and their digits; or those of an .npz."""
    if path is not None:
        return edgepack.read_npz(path)
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    images = (digits.images / 16.0).astype("float32")[..., None]
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=0.2, random_state=0, stratify=digits.target
    )
    return {
        "train": (x_train, y_train),
        "test": (x_test, y_test),
        "class_names": [str(digit) for digit in range(10)],
        "preprocessing": {"input": "ink of a 4x4 block of the scanned digit, 0 to 16", "scale": "1 / 16"},
    }
