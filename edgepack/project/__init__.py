"""Projects, targets and recipes: plain TOML files, checked with file and line."""

from __future__ import annotations

from edgepack.project.address import device_address
from edgepack.project.init import write_around, write_sample, write_template
from edgepack.project.load import find_project_file, load_project, make_project
from edgepack.project.model_file import is_keras_model, is_model
from edgepack.project.names import c_identifier, derive_name
from edgepack.project.overrides import split_overrides
from edgepack.project.targets import builtin_folder, list_targets, load_target
from edgepack.project.types import (
    Budget,
    DataSettings,
    DeviceSettings,
    ModelSettings,
    Project,
    SearchSettings,
    StepTable,
    Target,
    Where,
)

__all__ = [
    "Budget",
    "DataSettings",
    "DeviceSettings",
    "ModelSettings",
    "Project",
    "SearchSettings",
    "StepTable",
    "Target",
    "Where",
    "builtin_folder",
    "c_identifier",
    "derive_name",
    "device_address",
    "find_project_file",
    "is_keras_model",
    "is_model",
    "list_targets",
    "load_project",
    "load_target",
    "make_project",
    "split_overrides",
    "write_around",
    "write_sample",
    "write_template",
]
