"""Files of a project's cache and of its pack damaged in every way a disk knows, and what the next run makes of them.

A damaged stage must be computed again, with a line that says so, and give what it gave; a damaged pack must be refused with its
code, and what is deployed must stay. Nothing may be believed, and nothing may end as a fault of edgepack.

    python -m tests.pipeline.corruption --count 500     # the table
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from edgepack.cli import main as command
from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import EdgepackError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack, read_pack
from edgepack.pipeline.build import Built, build
from edgepack.pipeline.explain import explain_layers
from edgepack.pipeline.packing import pack
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.releases.deploy import deploy
from edgepack.report import write_reports
from tests.report.fake import report

MEMORY = "fingerprints.json"  # of hashes: what it lost is hashed again, and nothing is told
_AT_ONCE = 5  # stages damaged before a run: each is told by a line of its own

MODEL = """
import tf_keras as keras

def build():
    layers = keras.layers
    return keras.Sequential([layers.Input((4,)), layers.Dense(6, activation="relu"), layers.Dense(2, activation="softmax")])
"""
DATA = """
import numpy as np

def load(path):
    values = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
    return {"train": (values[:80], (values[:80, 0] > 0).astype(int)), "test": (values[80:], (values[80:, 0] > 0).astype(int))}
"""
PROJECT = """
name = "tiny"
[model]
source = "model.py:build"
[data]
source = "data.py:load"
[[recipe]]
step = "train"
epochs = 2
[[recipe]]
step = "quantize"
aware = false
"""


def flip(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    _in_place(file, bytes(content))


def zero(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    start = rng.randrange(len(content))
    content[start : start + 64] = bytes(len(content[start : start + 64]))
    _in_place(file, bytes(content))


def truncate(file: Path, rng: random.Random) -> None:
    os.truncate(file, rng.randrange(file.stat().st_size))


def append(file: Path, rng: random.Random) -> None:
    with file.open("ab") as stream:
        stream.write(rng.randbytes(rng.randint(1, 64)))


def delete(file: Path, rng: random.Random) -> None:
    file.unlink()


def _in_place(file: Path, content: bytes) -> None:
    with file.open("r+b") as stream:
        stream.write(content)


KINDS: dict[str, Callable[[Path, random.Random], None]] = {one.__name__: one for one in (flip, zero, truncate, append, delete)}


@dataclass
class Tally:
    """What became of the corruptions, by kind; `wrong` says what was believed or ended as no error should."""

    tried: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Notes(SilentProgress):
    """Keeps what a run notes of damaged stages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        if "is damaged" in text:
            self.lines.append(text)


class Corruption:
    """A tiny project that was built and packed once, and is damaged again and again."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.tally = Tally()
        self.project = folder / "project"
        self.project.mkdir()
        for name, text in (("model.py", MODEL), ("data.py", DATA), ("edgepack.toml", PROJECT)):
            (self.project / name).write_text(text)
        self.root = folder / "device"
        self.plan, notes, built, self.expected = self._run()
        assert not notes, notes
        self.pack = pack(self.plan, built, SilentProgress())
        write_reports(replace(report("rpi"), pack=self.pack.id), self.plan.out)
        self.spare = shutil.copytree(self.pack.folder, folder / "spare")
        deploy(self.pack, LocalDevice(), self.plan.target, SilentProgress())

    @property
    def stages(self) -> list[Path]:
        """Every stored stage."""
        return [entry.folder for entry in self.plan.cache.entries()]

    def _run(self) -> tuple[Plan, list[str], Built, Any]:
        """What a new run finds, and what it notes."""
        notes = Notes()
        request = Request(project=self.project, target="host", overrides=(f"device.root={self.root}",))
        plan = prepare(request, notes)
        built = build(plan, notes)
        explained = explain_layers(plan, built, notes)
        steps = [asdict(replace(step, seconds=0.0)) for step in built.steps]
        return plan, notes.lines, built, (built.sha256, built.evaluation, built.baseline, steps, built.warnings, explained)

    def damage(self, file: Path) -> str:
        """Damage a file; the kind. Half of those that keep its size keep its time, too."""
        kind = self.rng.choice(sorted(KINDS))
        before, seen = file.read_bytes(), file.stat()
        while not file.is_file() or file.read_bytes() == before:
            KINDS[kind](file, self.rng)
            if kind == "delete":
                break
        if file.is_file() and self.rng.random() < 0.5:
            os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        return kind

    def swap(self, files: list[Path]) -> set[Path]:
        """Exchange two files that differ, keeping their times; both."""
        while (pair := self.rng.sample(files, 2)) and pair[0].read_bytes() == pair[1].read_bytes():
            pass
        (one, other), aside = pair, pair[0].with_name(".aside")
        one.rename(aside)
        other.rename(one)
        aside.rename(other)
        return {one, other}

    def of_cache(self, most: int) -> int:
        """Damage some files of the cache, run, and look; how many corruptions that was."""
        hurt: dict[Path, str] = {}
        chosen = self.rng.sample(self.stages, min(most, _AT_ONCE))
        for stage in chosen:
            file = self.rng.choice([file for file in stage.rglob("*") if file.is_file() and file.stat().st_size])
            hurt[stage] = self.damage(file)
        rest = [stage for stage in self.stages if stage not in hurt]
        if len(chosen) < most and self.rng.random() < 0.5:
            if self.rng.random() < 0.5:
                files = [file for stage in rest for file in stage.rglob("*") if file.is_file()]
                hurt |= {file.relative_to(self.plan.cache.folder).parts[0]: "swap" for file in self.swap(files)}  # type: ignore[misc]
            else:
                one, other = self.rng.sample(rest, 2)
                one.rename(one.with_name(".aside"))
                other.rename(one)
                one.with_name(".aside").rename(other)
                hurt |= {one: "swapped stages", other: "swapped stages"}
        if len(hurt) < most:
            self.damage(self.plan.cache.folder / MEMORY)
            hurt[self.plan.cache.folder / MEMORY] = MEMORY
        self._look({Path(stage).name: kind for stage, kind in hurt.items()})
        return len(hurt)

    def _look(self, hurt: dict[str, str]) -> None:
        self.tally.tried.update(hurt.values())
        try:
            _, notes, _, found = self._run()
        except BaseException as error:
            self.tally.wrong.append(f"{hurt}: {type(error).__name__}: {error}")
            return
        if found != self.expected:
            self.tally.wrong.append(f"{hurt}: another result")
        for name, kind in hurt.items():
            if sum(name in line for line in notes) == 1:
                self.tally.told[kind] += 1
            elif name != MEMORY:
                self.tally.wrong.append(f"{name}, {kind}: not told")

    def of_pack(self) -> int:
        """Damage a file of the pack, and try to report on it, to read it and to deploy it."""
        files = [file for file in self.pack.folder.rglob("*") if file.is_file()]
        kind = "swap" if self.rng.random() < 0.15 else ""
        if kind:
            self.swap(files)
        else:
            kind = self.damage(self.rng.choice(files))
        self.tally.tried[f"pack: {kind}"] += 1
        current = os.readlink(self.root / "tiny" / "current")
        ended = [self._code(lambda: read_pack(self.pack.folder)), self._code(self._deploy), self._reported()]
        if set(ended) <= {"EP-250", "EP-251"} and os.readlink(self.root / "tiny" / "current") == current:
            self.tally.told[f"pack: {kind}"] += 1
        else:
            self.tally.wrong.append(f"pack, {kind}: {ended}")
        shutil.rmtree(self.pack.folder)
        shutil.copytree(self.spare, self.pack.folder)
        return 1

    def _deploy(self) -> None:
        changed: Pack = replace(self.pack)
        deploy(changed, LocalDevice(), self.plan.target, SilentProgress())

    def _code(self, act: Callable[[], object]) -> str:
        try:
            act()
        except EdgepackError as error:
            return error.code
        except Exception as error:
            return type(error).__name__
        return "believed"

    def _reported(self) -> str:
        """The code that `edgepack report` ends with, when its exit code fits."""
        words = ["edgepack", "report", str(self.project), "--target", "host"]
        with (
            mock.patch.object(sys, "argv", words),
            contextlib.redirect_stdout(io.StringIO()) as out,
            contextlib.redirect_stderr(io.StringIO()) as errors,
        ):
            try:
                command()
            except SystemExit as end:
                told = errors.getvalue().partition(":")[0].removeprefix("error ")
                return told if end.code == 3 and not out.getvalue() else f"exit {end.code}: {errors.getvalue()[:300]}"


def run(folder: Path, count: int, seed: int) -> Tally:
    """`count` corruptions at the least, a quarter of them of the pack."""
    bench = Corruption(folder, seed)
    done = 0
    while done < count * 3 // 4:
        done += bench.of_cache(count * 3 // 4 - done)
    while done < count:
        done += bench.of_pack()
    return bench.tally


def table(tally: Tally) -> str:
    """The tally as Markdown."""
    lines = ["| corruption | tried | told |", "|---|---:|---:|"]
    lines += [f"| {kind} | {tried} | {tally.told[kind]} |" for kind, tried in sorted(tally.tried.items())]
    return "\n".join([*lines, f"| **all** | **{tally.tried.total()}** | **{tally.told.total()}**, {len(tally.wrong)} wrong |"])


def main() -> int:
    """Print the table; 1 when anything was believed or failed."""
    parser = argparse.ArgumentParser(description="Damage a project's cache and pack in every way, and look what becomes of it.")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgepack-corruption-") as name:
        tally = run(Path(name), arguments.count, arguments.seed)
    print(f"{table(tally)}\n\n{time.monotonic() - start:.0f} s, seed {arguments.seed}")
    for text in tally.wrong:
        print(f"wrong: {text}", file=sys.stderr)
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
