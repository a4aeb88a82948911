"""What every test may use: the reference models and data beside the checkout, when they are there, and folders to share."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from edgepack.ground.user_cache import user_cache

# zig builds a run-time library for each core and each C library once; a test with a home of its own need not do that again.
os.environ.setdefault("ZIG_GLOBAL_CACHE_DIR", str(user_cache() / "zig"))

# Workers keep every core busy: TensorFlow's threads in each of them would only wait for one another.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

# What runs in the background ignores Ctrl-C, and so would every program that a test starts and interrupts.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Item = TypeVar("Item")
Once = Callable[[str, Callable[[Path], object]], Path]

SHARED = Path(os.environ.get("EDGEPACK_SHARED", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def shared_models() -> Path:
    folder = SHARED / "models"
    if not folder.is_dir():
        pytest.skip("the reference models (../shared/models, or EDGEPACK_SHARED) are not on this machine")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the reference data (../shared/data, or EDGEPACK_SHARED) is not on this machine")
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are cores: many tests wait for a device, a connection or a time limit."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Several workers begin with the slow tests, the one with a time limit of its own first: none waits for one at the end."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        slow = [item for item in items if item.get_closest_marker("slow")]
        quick = [item for item in items if not item.get_closest_marker("slow")]
        slow.sort(key=lambda item: item.get_closest_marker("timeout") is None)
        items[:] = in_shares(slow, quick, workers)


def in_shares(first: Sequence[Item], then: Sequence[Item], workers: int) -> list[Item]:
    """One share after the other, as workers are given them: each its part of `first`, and after that its part of `then`."""

    def part(of: Sequence[Item], worker: int) -> Sequence[Item]:
        return of[len(of) * worker // workers : len(of) * (worker + 1) // workers]

    return [item for worker in range(workers) for of in (first, then) for item in part(of, worker)]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """`once(name, make)` is a folder that `make` has filled, in the first of the workers that asked for it; only to be read."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "once"

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        made, unfinished = shared / name, shared / f"{name}.unfinished"
        shared.mkdir(exist_ok=True)
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.is_dir():
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(made)
        return made

    return folder
