"""Releases on a Linux-like device: upload, verify, switch, roll back, remove."""

from __future__ import annotations

from edgepack.deploy.deploy import deploy, rollback
from edgepack.deploy.types import Deployment, GoldenCheck, InstalledRelease, Rollback, Runner, Uninstalled
from edgepack.deploy.uninstall import installed, uninstall, withdraw

__all__ = [
    "Deployment",
    "GoldenCheck",
    "InstalledRelease",
    "Rollback",
    "Runner",
    "Uninstalled",
    "deploy",
    "installed",
    "rollback",
    "uninstall",
    "withdraw",
]
