"""Folders that come with edgepack beside its code: target profiles and sample projects."""

from __future__ import annotations

from pathlib import Path

import edgepack


def packaged_folder(name: str) -> Path:
    """The folder of that name in the wheel, or in a checkout: "targets" or "sample_models"."""
    package = Path(edgepack.__file__).resolve().parent
    installed = package / "_data" / name
    return installed if installed.is_dir() else package.parent / name
