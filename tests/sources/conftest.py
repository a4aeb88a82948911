"""A project folder to put data and models into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgepack.ground.cache import Cache
from edgepack.project import DataSettings, ModelSettings, Project

MakeProject = Callable[..., Project]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project folder whose name has a space and a quote in it."""
    path = tmp_path / "my project's"
    path.mkdir()
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def project(folder: Path) -> MakeProject:
    """Make a project: `project(data="data.py:load", model="model.py:build", weights=…, seed=…)`."""

    def make(data: str | None = None, model: str = "model.py:build", **settings: Any) -> Project:
        chosen = {
            key: settings.pop(key)
            for key in ("weights", "custom_objects", "trust", "max_load_memory", "max_load_time")
            if key in settings
        }
        return Project(folder, folder / "edgepack.toml", "p", ModelSettings(model, **chosen), DataSettings(data, **settings))

    return make
