"""What this machine has, asked without starting anything."""

from __future__ import annotations

import os
import shutil


def find_program(name: str) -> str | None:
    """The path of a program, also of one that only root has on PATH."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def package_version(name: str) -> str | None:
    """The version of an installed Python package, None without it."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None
