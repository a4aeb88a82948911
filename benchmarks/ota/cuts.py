"""The power fails in every change of flash of an update: on this machine under sanitizers, and a sample on emulated cores."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ota.sizes import program_of
from tests.pack.ota_device.build import BEFORE, FIRST, Device, Release, host_device, release, tuned
from tests.pack.ota_device.emulated import emulate

GEOMETRIES = ((2048, 8, 1), (4096, 8, 1), (4096, 32, 1), (8192, 16, 1), (1024, 4, 1), (128, 16, 1), (256, 1, 32))
"""Bytes of a page and of a granule, and one of how many changes is cut."""
LARGE = 1 << 18, 4096, 8, 64
"""Of the large images: bytes of a slot, and the same."""

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


def cuts(step: int, only: Sequence[int] = ()) -> Iterator[dict[str, Any]]:
    """A row for each geometry (`only` those with these numbers) and form of update; every `step`-th change."""
    with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
        program = host_device(Path(name))
        for number, (page, granule, each) in enumerate(GEOMETRIES):
            if number in (only or range(len(GEOMETRIES))):
                yield from _of(
                    Device(program, page, granule, max(16 << 10, 4 * page)),
                    small(),
                    f"{page} B pages, {granule} B granules",
                    step * each,
                )
        if len(GEOMETRIES) in (only or [len(GEOMETRIES)]):
            slot, page, granule, each = LARGE
            title = f"{page} B pages, {granule} B granules, two blocks"
            yield from _of(Device(program, page, granule, slot), large(), title, step * each)


def _of(device: Device, releases: tuple[Release, Release, Release], title: str, step: int) -> Iterator[dict[str, Any]]:
    one, two, three = releases
    start = (("apply", one.whole, 0), ("apply", two.whole, 0))
    for kind, update in (("patch", three.patch), ("whole", three.whole)):
        assert update is not None
        for twice in (0, 1):
            *wrong, last = device.run(*start, ("cuts", update, two.image.whole, three.image.whole, 1, step, twice))[2:]
            counted = re.fullmatch(r"cuts (\d+) of (\d+) changes", last)
            assert counted is not None and int(counted[1]) > 0, last
            found = {"changes": int(counted[2]), "cuts": int(counted[1])}
            yield {
                "flash": title,
                "update": kind,
                "twice": bool(twice),
                **found,
                "wrong": [FAILURES[int(line.split()[3])] for line in wrong],
            }


def emulated(core: str, count: int) -> dict[str, Any]:
    """The same on a core: `count` pairs of cuts, spread over the update."""
    rng = random.Random(2)
    with tempfile.TemporaryDirectory(prefix="edgepack-ota-") as name:
        places = [(1 + 1377 * i // count, rng.choice((0, rng.randrange(1, 1377)))) for i in range(count)]
        done = emulate(core, small(), places, Path(name))
    wrong = [FAILURES[failure] for failure in done.failures if failure]
    return {"core": core, "cuts": count, "changes": done.changes, "wrong": wrong}
