"""The packs, targets and devices that releases are tried with."""

from __future__ import annotations

from tests.releases.conftest import first, heavy, local, root, second, ssh_device, sshd, target

__all__ = ["first", "heavy", "local", "root", "second", "ssh_device", "sshd", "target"]
