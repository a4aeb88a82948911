"""A disk of a megabyte, and files that may not grow: what a full disk does to a program."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, left: int = 1 << 20) -> Iterator[Path]:
    """An empty file system of 1 MiB at `folder`, filled until `left` bytes are left; skips where none can be mounted."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        if left < 1 << 20:
            (folder / "full").write_bytes(bytes((1 << 20) - left))
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def small_files(most: int) -> Iterator[None]:
    """In the block no file of this process grows beyond `most` bytes: the write fails, as on a full disk (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
