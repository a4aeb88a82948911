"""A group of hosts while an inventory is read, and what is said of an inventory that cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgepack.ground.errors import ProjectError


@dataclass
class Group:
    """A group while it is read: its own hosts with their variables, its own variables, and its children's names."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: dict[str, None] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)


def wrong_inventory(file: Path, where: str, text: str) -> ProjectError:
    """The error for a place in an inventory."""
    return ProjectError("EP-113", f"{file}{where}: {text[:300]}", "see docs/guides/fleets.md for what is read of an inventory")
