"""What faults are tried on: two releases, a way to deploy them, and a judgement of every attempt."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target, load_target
from edgepack.releases.deploy import deploy
from tests.releases.fault_worlds import World
from tests.standins.packs import conv_pack
from tests.standins.quick_python import quick_python
from tests.standins.releases import current_release, no_leftovers

Place = TypeVar("Place")


@dataclass
class Row:
    """A fault in a transport: attempts, how many ended with each release and with each error, and what was lost."""

    fault: str
    transport: str
    tried: int = 0
    old: int = 0
    new: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)


class Bench:
    """Two packs and what deploys them; `rows` collects what became of every attempt.

    Of the places of a fault every `every`-th is tried, beginning at another one for each fault; `turn` is where the first begins.
    `cuts` is at how many random bytes a link breaks.
    """

    def __init__(self, folder: Path, seed: int = 7, every: int = 1, turn: int = 0, cuts: int = 60) -> None:
        self.folder = folder
        self.old = conv_pack(folder / "old", title="old", seed=1)
        self.new = conv_pack(folder / "new", title="new", seed=2, ballast=40_000)
        self.python = quick_python(folder / "quick python")
        self.random = random.Random(seed)
        self.every, self.turn, self.cuts = every, turn, cuts
        self.rows: list[Row] = []

    def some(self, places: Sequence[Place]) -> Sequence[Place]:
        """Those of a fault's places that are tried: at least one, and all of them unless a sample is wanted."""
        first = self.turn % min(self.every, len(places))
        self.turn += 1
        return places[first :: self.every]

    def similar(self) -> Bench:
        """The same, with releases of which one's files differ from the other's in a few bytes."""
        found = copy(self)
        content = self.random.randbytes(40_000)
        changed = content[:10_000] + b"inserted" + content[10_000:20_000] + bytes(30) + content[20_050:]
        found.old = conv_pack(self.folder / "before", title="before", seed=1, ballast=content)
        found.new = conv_pack(self.folder / "similar", title="similar", seed=1, ballast=changed)
        return found

    def target(self, world: World, python: Path | None = None) -> Target:
        settings = [f"device.root={world.root}", f"device.python={python or self.python}", "device.engine=litert"]
        return load_target("rpi", None, [*settings, "device.threads=1", "device.timeout=20 s"])

    def send(self, world: World, pack: Pack, device: object = None, python: Path | None = None) -> str:
        """Deploy; the error's code, "" when there was none."""
        try:
            deploy(pack, device or world.good(), self.target(world, python), SilentProgress())  # type: ignore[arg-type]
        except DeviceError as error:
            assert str(error) and error.code, "a fault without a message"
            return error.code
        return ""

    def start(self, world: World) -> None:
        """The old release is current, and nothing else is there."""
        assert self.send(world, self.old) == ""
        self.forget(world)

    def forget(self, world: World) -> None:
        """Take the new release off the device, so that the next attempt has to send it."""
        folder = world.root / "conv"
        (folder / "previous").unlink(missing_ok=True)
        shutil.rmtree(folder / "releases" / self.new.id, ignore_errors=True)
        used = (folder / "releases" / self.old.id / "SHA256SUMS").read_text()
        for blob in (folder / "blobs").iterdir():
            if blob.name not in used:
                blob.unlink()

    def judge(self, row: Row, world: World, code: str, what: str) -> None:
        """Count an attempt to deploy the new release, then deploy the old one again over a whole link."""
        row.tried += 1
        row.codes[code or "none"] += 1
        try:
            current = current_release(world.root, "conv")
            assert current in (self.old.id, self.new.id), f"{current} is current"
            world.whole()
            again = self.send(world, self.old)
            assert again == "", f"the next deployment failed with {again}"
            assert current_release(world.root, "conv") == self.old.id
            no_leftovers(world.root, "conv")
            self.forget(world)
        except Exception as error:
            row.lost.append(f"{what}: {type(error).__name__} {error}")
            with suppress(Exception):
                self.start(world)
            return
        row.old += current == self.old.id
        row.new += current == self.new.id

    def row(self, fault: str, world: World) -> Row:
        found = Row(fault, world.name)
        self.rows.append(found)
        return found


def commands_of(bench: Bench, world: World) -> tuple[int, int]:
    """How many commands, and bytes, a deployment of the new release takes over the link."""
    world.whole()
    with world.broken() as device:
        assert bench.send(world, bench.new, device) == ""
        calls, moved = device.calls, world.bytes_moved()  # type: ignore[attr-defined]
    bench.start(world)
    return calls, moved
