"""Fifty loopback devices deployed by one command: how long, how many processes and sockets, and what stays behind.

A device is here an sshd of its own with keys and a home folder of its own on this machine; the processor is shared, so the times
are those of edgepack's and ssh's work, not of inference. The runner is the real one with --real, else one that answers at once.

    python benchmarks/fifty_devices.py [--devices 50] [--workers 8] [--once] [--real]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.command import run_command  # noqa: E402


@dataclass
class Figures:
    """Seconds of the first and of an unchanged second deployment, the most processes and descriptors, and leftovers."""

    devices: int
    workers: int
    first: float
    second: float
    cpu: float
    processes: int
    descriptors: int
    sent: int
    resent: int
    leftovers: tuple[str, ...]


def children(pid: int) -> set[int]:
    """A process's descendants."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    grown = True
    while grown:
        new = {child for child, parent in parents.items() if (parent == pid or parent in found) and child not in found}
        grown = bool(new)
        found |= new
    return found


def measure(devices: int, workers: int, real: bool, times: int, work: Path) -> Figures:
    """Deploy `times` times to `devices` stand-ins started beforehand, and look at what is left of each run."""
    from edgepack.standins import standin
    from tests.flatbuffer.build import conv_model
    from tests.standins.quick_python import quick_python

    os.environ["XDG_STATE_HOME"] = str(work / "state")
    os.environ["TMPDIR"] = str(work / "tmp")
    (work / "tmp").mkdir()
    tempfile.tempdir = None
    python = Path(sys.executable) if real else quick_python(work / "quick python")
    names = [f"device-{number:02d}" for number in range(devices)]
    (work / "conv.tflite").write_bytes(conv_model())
    (work / "hosts.ini").write_text("[all]\n" + "".join(f"{name} ansible_host=standin:{name}\n" for name in names))
    for name in names:
        standin.up(name)
    command = [sys.executable, "-m", "edgepack", "deploy", str(work / "conv.tflite"), "--target", "rpi", "--json", "--quiet"]
    command += ["--inventory", str(work / "hosts.ini"), "--workers", str(workers), "--canary", "2", "--out", str(work / "out")]
    for setting in (f"device.python={python}", "device.engine=litert", "device.runs=10", "budget.accuracy_drop=none"):
        command += ["--set", setting]
    try:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        most = [0, 0]
        seconds, sent = [], []
        for _ in range(times):
            start = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
            done = threading.Event()
            watcher = threading.Thread(target=_watch, args=(process.pid, most, done))
            watcher.start()
            out, _ = process.communicate()
            done.set()
            watcher.join()
            seconds.append(time.monotonic() - start)
            rows = json.loads(out)["devices"]
            assert process.returncode == 0 and len(rows) == devices and {row["state"] for row in rows} == {"deployed"}, out
            sent.append(sum(row["deployment"]["uploaded"] for row in rows))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        left = tuple(leftovers(work, names))
    finally:
        for name in names:
            standin.down(name)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Figures(devices, workers, seconds[0], seconds[-1], cpu, most[0], most[1], sent[0], sent[-1], left)


def _watch(pid: int, most: list[int], done: threading.Event) -> None:
    while not done.wait(0.5):
        most[0] = max(most[0], len(children(pid)))
        with suppress(OSError):
            most[1] = max(most[1], len(list(Path(f"/proc/{pid}/fd").iterdir())))


def leftovers(work: Path, names: list[str]) -> list[str]:
    """Temporary files, ssh clients, sessions and locks that are still there after the command."""
    time.sleep(1.0)
    found = [f"temporary file {path.name}" for path in (work / "tmp").iterdir()]
    for name in names:
        folder = work / "state" / "edgepack" / "standins" / name
        root = folder / "home" / "edgepack" / "conv"
        found += [f"{name}: {path.name}" for path in root.iterdir() if path.name == "lock" or path.name.startswith(".")]
        found += [f"{name}: {path}" for path in root.rglob("*.part-*")]
        pid = int((folder / "sshd.pid").read_text()) if (folder / "sshd.pid").is_file() else 0
        sessions = children(pid) if pid else set()
        found += [f"{name}: {len(sessions)} processes of ssh sessions"] if sessions else []
    mark = str(work).encode()
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = command.read_bytes()
            if mark in words and b"edgepack-ssh-" in words:
                found.append(f"ssh client {command.parent.name}")
    return found


def main() -> int:
    """Print the figures; 1 when something stays behind."""
    parser = argparse.ArgumentParser(description="Deploy to many loopback devices with one command.")
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--real", action="store_true", help="run the model with LiteRT on every device")
    parser.add_argument("--once", action="store_true", help="do not deploy a second time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgepack-fifty-") as name:
        found = measure(arguments.devices, arguments.workers, arguments.real, 1 if arguments.once else 2, Path(name))
    print(f"{found.devices} devices, {found.workers} at a time, on {os.cpu_count()} cores")
    print(f"first deployment {found.first:.1f} s, {found.sent / 1e3:.0f} kB sent")
    if not arguments.once:
        print(f"the same again {found.second:.1f} s, {found.resent} bytes sent")
    print(f"processor time {found.cpu:.1f} s without the sshds'")
    print(f"at most {found.processes} processes and {found.descriptors} descriptors at a time")
    print("left behind: " + ("; ".join(found.leftovers) or "nothing"))
    return int(bool(found.leftovers))


if __name__ == "__main__":
    run_command(main)
