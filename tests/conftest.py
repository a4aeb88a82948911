"""What every test may use: the reference models and data beside the checkout, when they are there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("EDGEPACK_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_models() -> Path:
    folder = SHARED / "models"
    if not folder.is_dir():
        pytest.skip("the reference models (../shared/models, or EDGEPACK_SHARED) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the reference data (../shared/data, or EDGEPACK_SHARED) is not on this machine")
    return folder
