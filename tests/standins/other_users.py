"""Other users of this machine, as whom real clients try to get into what edgepack has started."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

_NOBODY = 65534


@dataclass(frozen=True)
class Stranger:
    """A user with a home folder and nothing else; `run` runs a program as that user."""

    home: Path

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        become = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        variables = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.home), **(environment or {})}
        return subprocess.run(
            [*become, *words], env=variables, cwd=self.home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another user")
    home = Path(tempfile.mkdtemp(prefix="stranger-", dir="/tmp"))
    os.chown(home, _NOBODY, _NOBODY)
    yield Stranger(home)
    shutil.rmtree(home)
