"""Releases on a Linux-like device: upload, verify, switch, roll back."""

from __future__ import annotations

from edgepack.deploy.deploy import deploy, rollback
from edgepack.deploy.types import Deployment, GoldenCheck, Rollback, Runner

__all__ = ["Deployment", "GoldenCheck", "Rollback", "Runner", "deploy", "rollback"]
