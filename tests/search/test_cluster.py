"""Trials on a real Ray cluster of two workers on this machine, one of which dies."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.cli.digits_project import SHORT_SEARCH, write_project

psutil = pytest.importorskip("psutil", reason="psutil is not installed (it comes with ray)")
pytest.importorskip("ray", reason='ray is not installed (pip install "edgepack[search]")')


def _free_port(low: int) -> int:
    """Outside the ports that Ray gives its workers."""
    for port in range(low, low + 200):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


@pytest.fixture()
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """The address of a cluster, and the process that it lives in."""
    port = _free_port(20200)
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--num-cpus", "2"]
    ports = ["--port", str(_free_port(20500)), "--ray-client-server-port", str(port), "--include-dashboard", "false"]
    # Ray's sockets need a short path, and its workers find edgepack where this process does.
    folder = tmp_path_factory.getbasetemp().parent / f"ray-{port}"
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": paths, "EDGEPACK_CACHE": str(tmp_path_factory.mktemp("machine"))}
    with subprocess.Popen(
        [*command, *ports, "--temp-dir", str(folder)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        head = psutil.Process(process.pid)
        try:
            end = time.monotonic() + 60
            while time.monotonic() < end and process.poll() is None:
                with socket.socket() as tried:
                    if tried.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield f"ray://127.0.0.1:{port}", head
        finally:
            for part in [*head.children(recursive=True), head]:
                with suppress(psutil.Error):
                    part.kill()


def _search(project: Path, address: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edgepack", "search", str(project), "--cluster", address, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=(project.parent / "log").open("w"), text=True)


def _workers_at_work(head: psutil.Process) -> list[Any]:
    """The actors in whose name Ray writes the method that they run."""
    found = []
    for part in head.children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if "ClusterWorker.run" in "".join(part.cmdline()[:1]):
                found.append(part)
    return found


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_trial_alone(cluster: tuple[str, Any], tmp_path: Path) -> None:
    address, head = cluster
    project = write_project(tmp_path / "project", SHORT_SEARCH)
    budgets = ("--set", "budget.accuracy_drop=0.5", "--set", "budget.flash=6KiB")
    process = _search(project, address, *budgets, "--trials", "3", "--time", "8m", "--json")
    log = tmp_path / "log"
    end = time.monotonic() + 200
    while len(working := _workers_at_work(head)) < 2:
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    working[0].send_signal(signal.SIGKILL)
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, log.read_text()
    found = json.loads(said)
    assert found["done"] == 3 and found["failed"] == 0 and {verdict["status"] for verdict in found["verdicts"]} <= {"PASS"}
    assert (project / "recipes" / "found-cortex-m4.toml").is_file()


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", SHORT_SEARCH)
    process = _search(project, f"ray://127.0.0.1:{_free_port(20800)}", "--time", "2m")
    process.communicate(timeout=300)
    log = (tmp_path / "log").read_text()
    assert process.returncode == 4 and "EP-558" in log and "ray status" in log and "Traceback" not in log, log
    assert "Training" not in log, "it is found out before any work"
