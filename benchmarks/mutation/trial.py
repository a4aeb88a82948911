"""One mutant's tests in a process of their own: forked from one that has imported the slow libraries, but nothing of edgepack."""

from __future__ import annotations

import importlib
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

COPIED = ("edgepack", "tests", "targets", "sample_models", "docs", "pyproject.toml")
QUICK = ("numpy", "pytest", "hypothesis", "flatbuffers", "pydantic", "tflite")
TENSORFLOW = ("tensorflow", "tf_keras", "tensorflow_model_optimization")
MEMORY = 16 << 30  # bytes of address space; a mutant may ask for any size
OPTIONS = ("-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header")


def copy_tree(root: Path, copy: Path) -> None:
    """A copy of what the tests need, without bytecode: a mutant of the same length and second would not be compiled anew."""
    for name in COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".edgepack", "build"))
        else:
            shutil.copy2(source, copy / name)


def load(modules: Sequence[str]) -> None:
    """Import libraries here, once for all trials."""
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)


@dataclass(frozen=True)
class Outcome:
    """What became of a trial: pytest's exit status, None when the time limit ended it; seconds; and what pytest wrote."""

    status: int | None
    seconds: float
    output: str

    @property
    def word(self) -> str:
        """killed, survived or timeout. A mutant that cannot even be imported is killed."""
        return "timeout" if self.status is None else "survived" if self.status == 0 else "killed"

    @property
    def failed(self) -> str:
        """The test that noticed, or ""."""
        lines = [line.split(" ")[1] for line in self.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines[0] if lines else ""


def run_tests(copy: Path, tests: Sequence[str], limit: float) -> Outcome:
    """Run pytest on the copy until the first failure, at most `limit` seconds; ends every process that it started."""
    log = copy / "pytest.log"
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        _in_child(copy, tests, log)
    status: int | None = None
    try:
        while time.monotonic() - started < limit:
            done, code = os.waitpid(child, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(code)
                break
            time.sleep(0.05)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(child, 0)
    return Outcome(status, time.monotonic() - started, log.read_text(errors="replace"))


def _in_child(copy: Path, tests: Sequence[str], log: Path) -> None:
    """Never returns."""
    code = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os.chdir(copy)
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.dont_write_bytecode = True
        sys.path[0] = str(copy)
        import pytest

        code = int(pytest.main([*OPTIONS, f"--rootdir={copy}", f"--basetemp={copy / 'pytest'}", *tests]))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
