"""`edgepack deploy` killed with SIGKILL at random moments, and run again: nothing is lost, and the model is the same each time.

After each kill the device has no release, or the last one that was deployed, or the new one, complete to the last byte. After a
few kills in a row the same command is run to its end; its model has the hash that a run without any kill gave.

    python -m tests.pipeline.kills --count 200     # the table
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.pipeline.corruption import DATA, MODEL, PROJECT
from tests.standins.releases import current_release

_IN_A_ROW = 5
"""Kills before a run to the end; then the project is as new again."""


@dataclass
class Tally:
    """Kills by what the run was doing, and what was lost."""

    kills: Counter[str] = field(default_factory=Counter)
    survived: int = 0
    ends: int = 0
    lost: list[str] = field(default_factory=list)


class Killing:
    """A tiny project, and a device in a folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.tally = Tally()
        self.project, self.device, self.log = folder / "project", folder / "device", folder / "log"
        self.project.mkdir()
        for name, text in (("model.py", MODEL), ("data.py", DATA), ("edgepack.toml", PROJECT)):
            (self.project / name).write_text(text)
        start = time.monotonic()
        self.expected = self._to_the_end()
        self.seconds = time.monotonic() - start
        self._renew()

    def _start(self) -> subprocess.Popen[bytes]:
        words = ["deploy", str(self.project), "--target", "host", "--set", f"device.root={self.device}", "--set", "device.runs=5"]
        command = [sys.executable, "-m", "edgepack", *words, "--json"]
        with self.log.open("wb") as log, self.log.with_suffix(".json").open("wb") as out:
            return subprocess.Popen(command, stdout=out, stderr=log, cwd=Path(__file__).parents[2])

    def _to_the_end(self) -> str:
        """The model's hash, by the report, by its file and on the device."""
        status = self._start().wait(600)
        if status not in (0, 1):
            raise AssertionError(f"exit {status}: {self.log.read_text()[-500:]}")
        told = json.loads(self.log.with_suffix(".json").read_text())["model"]["sha256"]
        there = hashlib.sha256((self.device / "tiny" / "current" / "model.tflite").read_bytes()).hexdigest()
        assert told == there, "another model is on the device"
        return str(told)

    def _renew(self) -> None:
        """The project as it was before anything was run; on every other time the device keeps its release."""
        for name in (".edgepack", "build"):
            shutil.rmtree(self.project / name, ignore_errors=True)
        if self.rng.random() < 0.5:
            shutil.rmtree(self.device, ignore_errors=True)

    def round(self, most: int) -> None:
        """Some kills, and a run to the end."""
        for _ in range(min(most, _IN_A_ROW)):
            process = self._start()
            time.sleep(self.rng.uniform(0, self.seconds))
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.tally.kills[self._doing()] += 1
            else:
                self.tally.survived += 1
            try:
                current_release(self.device, "tiny")
            except Exception as error:
                self.tally.lost.append(f"after a kill in {self._doing()}: {type(error).__name__} {error}")
        try:
            found = self._to_the_end()
            self.tally.ends += 1
            if found != self.expected:
                self.tally.lost.append("another model")
        except Exception as error:
            self.tally.lost.append(f"the run after it: {type(error).__name__} {error}")
        self._renew()

    def _doing(self) -> str:
        """The stage whose line was the last."""
        stages = [line.partition(" (")[0] for line in self.log.read_text(errors="replace").splitlines() if line[:1].strip()]
        return stages[-1].rstrip(":")[:40] if stages else "before the first stage"


def run(folder: Path, count: int, seed: int) -> Tally:
    """`count` kills."""
    bench = Killing(folder, seed)
    while bench.tally.kills.total() < count:
        bench.round(count - bench.tally.kills.total())
    return bench.tally


def table(tally: Tally) -> str:
    """The tally as Markdown."""
    lines = ["| killed while | kills |", "|---|---:|", *(f"| {stage} | {count} |" for stage, count in tally.kills.most_common())]
    end = f"{tally.ends} runs to the end after them, {len(tally.lost)} lost; {tally.survived} ended before they were killed"
    return "\n".join([*lines, f"| **all** | **{tally.kills.total()}** |", "", end])


def main() -> int:
    """Print the table; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description="Kill edgepack deploy at random moments and run it again.")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgepack-kills-") as name:
        os.environ["EDGEPACK_CACHE"] = f"{name}/cache"
        tally = run(Path(name), arguments.count, arguments.seed)
    print(table(tally))
    print(f"\n{time.monotonic() - start:.0f} s, seed {arguments.seed}")
    for text in tally.lost:
        print(f"lost: {text}", file=sys.stderr)
    return int(bool(tally.lost))


if __name__ == "__main__":
    sys.exit(main())
