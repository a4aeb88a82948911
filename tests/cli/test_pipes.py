"""A reader that leaves early ends a command as SIGPIPE ends others: quietly, with 141."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENVIRONMENT = {**os.environ, "COLUMNS": "120"}


def _without_reader(*words: str, both: bool = False) -> tuple[int, str]:
    """Exit code and what was written to standard error of a command whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "edgepack", *words],
        stdout=write, stderr=write if both else subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=120,
    )  # fmt: skip
    os.close(write)
    return done.returncode, done.stderr or ""


@pytest.mark.parametrize("words", [("targets",), ("targets", "--json"), ("--help",), ("deploy", "--help"), ("--version",)])
def test_output_that_nobody_reads(words: tuple[str, ...]) -> None:
    assert _without_reader(*words) == (141, "")


def test_errors_that_nobody_reads() -> None:
    assert _without_reader("inspect", "none.tflite", both=True) == (141, "")
    assert _without_reader("--no-such-option", both=True) == (141, "")


def test_the_first_line_of_a_long_output_is_all_there_is(tmp_path: Path) -> None:
    """More than a pipe holds, and head leaves after a line."""
    command = f"{sys.executable} -m edgepack targets --json; echo $? >{tmp_path}/status"
    long = f"for i in 1 2 3 4 5 6 7 8 9; do {command}; done"
    done = subprocess.run(["sh", "-c", f"({long}) | head -1"], capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.stdout == "[\n" and done.stderr == ""
    assert (tmp_path / "status").read_text() == "141\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("words", [("targets",), ("--help",)])
def test_a_full_disk_behind_the_output_is_told_once(words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "edgepack", *words],
            stdout=full, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT, timeout=120,
        )  # fmt: skip
    assert done.returncode == 2 and "EP-151" in done.stderr and len(done.stderr.splitlines()) == 2, done.stderr
