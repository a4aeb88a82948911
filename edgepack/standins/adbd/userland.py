"""What a stand-in's commands run in and its paths lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from edgepack.ground.files import make_private


class Userland(Protocol):
    """The programs and files that clients of a stand-in see."""

    def command(self, line: str) -> list[str]:
        """The program and arguments that run a line of shell."""

    def environment(self) -> dict[str, str]:
        """The environment of commands."""

    def path(self, remote: str) -> Path:
        """Where a path of the device is on this machine."""


class HostUserland:
    """This machine's own shell and files, with a home folder in `folder` and, first on PATH, what is in its bin/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        for made in (folder, self.home):
            make_private(made)

    def command(self, line: str) -> list[str]:
        """As adbd does it: sh -c LINE."""
        return ["/bin/sh", "-c", line]

    def environment(self) -> dict[str, str]:
        """Nothing of the environment that the server was started in but the language."""
        path = os.pathsep.join([str(self.folder / "bin"), "/usr/local/bin", "/usr/bin", "/bin"])
        return {"HOME": str(self.home), "PATH": path, "TMPDIR": str(self.home), "LC_ALL": "C"}

    def path(self, remote: str) -> Path:
        """The same path, or one in the home folder when it is relative."""
        return self.home / remote
