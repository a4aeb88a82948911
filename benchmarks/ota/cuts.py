"""The power fails in every change of flash of an update: on this machine under sanitizers, and a sample on emulated cores."""

from __future__ import annotations

import random
import re
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ota.sizes import program_of
from tests.pack.ota_device.build import BEFORE, FIRST, Device, Release, host_device, release, tuned
from tests.pack.ota_device.emulated import emulate

GEOMETRIES = ((2048, 8), (4096, 8), (4096, 32), (8192, 16), (1024, 4), (128, 16), (256, 1))
"""Bytes of a page and of a granule."""

FAILURES = ("fine", "brick", "wrong image", "running slot touched", "unfinished", "flash misused")


def small() -> tuple[Release, Release, Release]:
    """Three releases of a .tflite of 11 KB."""
    one = release(BEFORE, 1)
    two = release(FIRST, 2, one)
    return one, two, release(tuned(FIRST), 3, two)


def large() -> tuple[Release, Release, Release]:
    """Three releases of a linked program that holds it, of several blocks."""
    first, second = program_of(BEFORE), program_of(FIRST)
    padding = random.Random(1).randbytes(70_000)
    one = release(first + padding, 1)
    two = release(second + padding, 2, one)
    return one, two, release(second + padding[:40_000] + first + padding[40_000:], 3, two)


def cuts(step: int) -> list[dict[str, Any]]:
    """A row for each geometry and form of update; every `step`-th change."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
        program = host_device(Path(name))
        for page, granule in GEOMETRIES:
            rows += _of(Device(program, page, granule), small(), f"{page} B pages, {granule} B granules", step)
        rows += _of(Device(program, 4096, 8, 1 << 18), large(), "4096 B pages, 8 B granules, 100 KB", step * 16)
    return rows


def _of(device: Device, releases: tuple[Release, Release, Release], title: str, step: int) -> list[dict[str, Any]]:
    one, two, three = releases
    start = (("apply", one.whole, 0), ("apply", two.whole, 0))
    rows = []
    for kind, update in (("patch", three.patch), ("whole", three.whole)):
        assert update is not None
        for twice in (0, 1):
            *wrong, last = device.run(*start, ("cuts", update, two.image.whole, three.image.whole, 1, step, twice))[2:]
            counted = re.fullmatch(r"cuts (\d+) of (\d+) changes", last)
            assert counted is not None, last
            rows.append(
                {
                    "flash": title,
                    "update": kind,
                    "twice": bool(twice),
                    "changes": int(counted[2]),
                    "cuts": int(counted[1]),
                    "wrong": [FAILURES[int(line.split()[3])] for line in wrong],
                }
            )
            print(rows[-1], flush=True)
    return rows


def emulated(core: str, count: int) -> dict[str, Any]:
    """The same on a core: `count` pairs of cuts, spread over the update."""
    rng = random.Random(2)
    with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
        places = [(1 + 1377 * i // count, rng.choice((0, rng.randrange(1, 1377)))) for i in range(count)]
        done = emulate(core, small(), places, Path(name))
    wrong = [FAILURES[failure] for failure in done.failures if failure]
    return {"core": core, "cuts": sum(1 + (second > 0) for _, second in places), "changes": done.changes, "wrong": wrong}
