"""The packs, targets and devices that releases are tried with."""

from __future__ import annotations

from tests.releases.conftest import first, local, root, second, sshd, target

__all__ = ["first", "local", "root", "second", "sshd", "target"]
