"""The user's own layers: a dict in model.py that names their classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from edgepack.ground.errors import ModelError
from edgepack.sources.user_code import function_source, user_module

DEFAULT_NAME = "CUSTOM_OBJECTS"


def load_custom_objects(setting: str | None, folder: Path) -> dict[str, Any]:
    """The objects named by `model.py:CUSTOM_OBJECTS` in the project `folder`; none when there is no setting.

    Raises:
        ModelError: EP-235 for a file or dict that is not there or fails.
    """
    if setting is None:
        return {}
    source = function_source(setting, folder)
    if source is None or not source.file.is_file():
        raise ModelError(
            "EP-235", f"custom_objects {setting!r}: no such file in the project", 'write it as "model.py:CUSTOM_OBJECTS"'
        )

    def failed(reason: str) -> ModelError:
        return ModelError("EP-235", f"custom_objects {setting!r} failed: {reason}", f"correct {source.file.name}")

    with user_module(source.file, folder, failed) as module:
        return objects_of(module, source.function, setting)


def objects_of(module: ModuleType, name: str, setting: str) -> dict[str, Any]:
    """The dict `name` of a user's module."""
    objects = getattr(module, name, None)
    if not isinstance(objects, Mapping) or not all(isinstance(key, str) for key in objects):
        raise ModelError(
            "EP-235",
            f"custom_objects {setting!r}: {name} is {'missing' if objects is None else type(objects).__name__}",
            f'define {name} = {{"MyLayer": MyLayer}}, from class names to classes',
        )
    return dict(objects)
