"""Every fault of the link, the device and the deployers, in every transport: what was tried, survived and lost.

After each fault `current` must be the old or the new release, complete to the last byte, and the next deployment must succeed
without anybody's cleaning up.

    python -m tests.deploy.fault_matrix            # the table
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgepack.deploy import deploy
from edgepack.devices.process import Finished
from edgepack.errors import DeviceError
from edgepack.pack import Pack
from edgepack.progress import SilentProgress
from edgepack.project import Target, load_target
from tests.deploy.fault_worlds import AdbWorld, SshWorld, World, broke
from tests.standins.packs import conv_pack
from tests.standins.quick_python import quick_python
from tests.standins.releases import current_release, no_leftovers

Inject = Callable[["Bench", World], object]


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
    """Two packs and what deploys them; `rows` collects what became of every attempt."""

    def __init__(self, folder: Path, seed: int = 7) -> None:
        self.folder = folder
        self.old = conv_pack(folder / "old", title="old", seed=1)
        self.new = conv_pack(folder / "new", title="new", seed=2, ballast=40_000)
        self.python = quick_python(folder / "quick python")
        self.random = random.Random(seed)
        self.rows: list[Row] = []

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


def cuts_at_commands(bench: Bench, world: World, whens: tuple[str, ...]) -> None:
    """The link breaks before, within or after each command in turn."""
    calls, _ = commands_of(bench, world)
    for when in whens:
        row = bench.row(f"link cut {when} every command", world)
        for at in range(1, calls + 1):

            def around(number: int, go: Callable[..., Finished], data: bytes | None, at: int = at, when: str = when) -> Finished:
                if number > at or (number == at and when == "before"):
                    world.drop()
                    raise broke()
                if number < at:
                    return go()
                if when == "within" and data is not None:
                    go(data[: len(data) // 2])
                else:
                    go()
                world.drop()
                raise broke()

            with world.broken(around) as device:
                code = bench.send(world, bench.new, device)
            bench.judge(row, world, code, f"{when} command {at}")


def cuts_at_bytes(bench: Bench, world: World, number: int) -> None:
    """The link breaks after a random number of bytes, in the middle of whatever that is."""
    _, moved = commands_of(bench, world)
    row = bench.row("link cut at a random byte", world)
    for _ in range(number):
        at = bench.random.randrange(moved)
        world.cut_after(at)
        code = "not reached"
        with suppress(DeviceError), world.broken() as device:
            code = bench.send(world, bench.new, device)
        bench.judge(row, world, code, f"byte {at} of {moved}")


def corrupted_bytes(bench: Bench, world: World, number: int) -> None:
    """A byte arrives changed: the encrypted link notices, or the file's hash does."""
    _, moved = commands_of(bench, world)
    row = bench.row("byte changed on the way", world)
    for _ in range(number):
        at = bench.random.randrange(moved // 10, moved)
        world.corrupt_at(at)
        code = "not reached"
        with suppress(DeviceError), world.broken() as device:
            code = bench.send(world, bench.new, device)
        bench.judge(row, world, code, f"byte {at}")


def corrupted_files(bench: Bench, world: World) -> None:
    """A byte of a file arrives changed where the link itself does not notice."""
    row = bench.row("byte of a file changed on the way", world)
    for kind in ("once", "always"):
        spoilt = [0]

        def around(
            number: int, go: Callable[..., Finished], data: bytes | None, kind: str = kind, spoilt: list[int] = spoilt
        ) -> Finished:
            if data is not None and len(data) > 20_000 and (kind == "always" or not spoilt[0]):
                spoilt[0] += 1
                return go(data[:9999] + bytes([data[9999] ^ 1]) + data[10_000:])
            return go()

        with world.broken(around) as device:
            code = bench.send(world, bench.new, device)
        assert spoilt[0]
        assert code == ("" if kind == "once" else "EP-515"), code
        bench.judge(row, world, code, kind)


def lost_exit_codes(bench: Bench, world: World) -> None:
    """The client says 0 though the device vanished, as adb 29 does: only the end marker tells."""
    calls, _ = commands_of(bench, world)
    row = bench.row("exit code lost", world)
    for at in range(2, calls + 1, 2):

        def around(number: int, go: Callable[..., Finished], data: bytes | None, at: int = at) -> Finished:
            if number < at:
                return go()
            said = go().stdout if number == at else b""
            return Finished(0, said[: len(said) // 2], b"", 0)

        with world.broken(around) as device:
            code = bench.send(world, bench.new, device)
        assert code or at == calls, f"command {at} was taken for done"  # the last one gives the lock back
        bench.judge(row, world, code, f"command {at}")


def stalled(bench: Bench, world: World) -> None:
    """The device stops answering without a word in the middle of the upload."""
    row = bench.row("stalled", world)

    def around(number: int, go: Callable[..., Finished], data: bytes | None) -> Finished:
        if number == 5:
            world.stall()
        return go()

    with suppress(DeviceError), world.broken(around) as device:
        code = bench.send(world, bench.new, device)
    assert code in ("EP-504", "EP-508", "EP-509"), code
    bench.judge(row, world, code, "command 5")


def rebooted(bench: Bench, world: World) -> None:
    """The power fails between upload and switch: what was not flushed is lost, and the boot is another one."""
    row = bench.row("rebooted between upload and switch", world)
    emptied = 0
    calls, _ = commands_of(bench, world)
    for at in range(4, calls):
        flushed = {path.stat().st_ino for path in world.root.rglob("*") if path.is_file()}

        def around(number: int, go: Callable[..., Finished], data: bytes | None, at: int = at) -> Finished:
            if number <= at:
                return go()
            world.drop()
            raise broke()

        with world.broken(around) as device:
            code = bench.send(world, bench.new, device)
        if current_release(world.root, "conv") == bench.old.id:  # else the switch has flushed everything
            for path in world.root.rglob("*"):
                if path.is_file() and path.stat().st_ino not in flushed and "lock" not in path.parts:
                    path.write_bytes(b"")
                    emptied += 1
        good = world.good()
        good.boot = f"boot {at}"  # type: ignore[attr-defined]
        bench.judge(row, world, code, f"after command {at}")
        good.boot = None  # type: ignore[attr-defined]
    assert emptied > 10, "there should have been something to lose"


def clocks(bench: Bench, world: World) -> None:
    """The device's date jumps by years between any two commands."""
    row = bench.row("clock skew", world)
    date = world.bin / "date"
    with _on_path(world):
        for jump in (-300_000_000, 0, 300_000_000):
            date.write_text(f'#!/bin/sh\n[ "$1" = "+date %s" ] && echo "date {int(time.time()) + jump}" || exec /bin/date "$@"\n')
            date.chmod(0o755)
            with world.broken() as device:
                code = bench.send(world, bench.new, device)
            assert code == "", code
            bench.judge(row, world, code, f"{jump} s")
        date.unlink()


def full_disk(bench: Bench, world: World) -> None:
    """Each write in turn finds the disk full."""
    row = bench.row("disk full at every write", world)
    cat, count = world.bin / "cat", world.folder / "count"
    with _on_path(world):
        for at in range(1, 200):
            count.write_text("0")
            cat.write_text(
                f'#!/bin/sh\nn=$(/bin/cat "{count}")\nn=$((n + 1))\necho $n >"{count}"\n'
                f'[ -f /proc/self/fd/1 ] && [ $n -ge {at} ] && exec /bin/cat "$@" >/dev/full\nexec /bin/cat "$@"\n'
            )
            cat.chmod(0o755)
            with world.broken() as device:
                code = bench.send(world, bench.new, device)
            reached = int(count.read_text()) >= at
            cat.unlink()
            assert code in ("", "EP-510"), code
            if not reached or code == "":
                break
            bench.judge(row, world, code, f"write {at}")
    bench.start(world)


def killed_runner(bench: Bench, world: World) -> None:
    """The program that runs the model is killed, or crashes, in each of its commands."""
    row = bench.row("runner killed", world)
    for command in ("probe", "golden"):
        for name in ("KILL", "SEGV", "TERM"):
            python = quick_python(
                world.folder / "killed python", before=f'case " $* " in *" {command} "*) kill -{name} $$; sleep 5;; esac'
            )
            code = bench.send(world, bench.new, python=python)
            assert code in ("EP-513", "EP-517"), code
            bench.judge(row, world, code, f"{name} in {command}")


def wrong_architecture(bench: Bench, world: World) -> None:
    """The device's Python is a program for another processor."""
    row = bench.row("wrong architecture", world)
    python = world.folder / "foreign python"
    python.write_bytes(b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x2b" + bytes(200))  # big-endian SPARC
    python.chmod(0o755)
    code = bench.send(world, bench.new, python=python)
    assert code == "EP-513", code
    bench.judge(row, world, code, "SPARC")


def two_deployers(bench: Bench, world: World) -> None:
    """Two deploy at the same moment: one is refused by name, or both succeed one after the other."""
    row = bench.row("two deployers at once", world)
    for _ in range(3):
        codes: list[str] = []

        def one() -> None:
            with world.broken() as device:
                codes.append(bench.send(world, bench.new, device))  # noqa: B023

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(codes) <= {"", "EP-514"} and "" in codes, codes
        bench.judge(row, world, "EP-514" if "EP-514" in codes else "", "both")


def read_only(bench: Bench, world: World) -> None:
    """Nothing can be written below the model's folder."""
    row = bench.row("read-only folder", world)
    mkdir = world.bin / "mkdir"
    with _on_path(world):
        mkdir.write_text('#!/bin/sh\necho "mkdir: cannot create directory: Read-only file system" >&2\nexit 1\n')
        mkdir.chmod(0o755)
        with world.broken() as device:
            code = bench.send(world, bench.new, device)
        mkdir.unlink()
    assert code == "EP-511", code
    bench.judge(row, world, code, "mkdir refused")


@contextmanager
def _on_path(world: World) -> Iterator[None]:
    """The programs in the world's bin/ are the device's, where its link is this machine's shell."""
    import os

    before = os.environ["PATH"]
    os.environ["PATH"] = f"{world.bin}:{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


PLANS: dict[str, tuple[Inject, ...]] = {
    "shell": (
        lambda bench, world: cuts_at_commands(bench, world, ("before", "within", "after")),
        corrupted_files,
        lost_exit_codes,
        full_disk,
        read_only,
        clocks,
        rebooted,
        killed_runner,
        wrong_architecture,
        two_deployers,
    ),
    "ssh": (
        lambda bench, world: cuts_at_commands(bench, world, ("after",)),
        lambda bench, world: cuts_at_bytes(bench, world, 60),
        lambda bench, world: corrupted_bytes(bench, world, 4),
        two_deployers,
        stalled,
    ),
    "adb": (
        lambda bench, world: cuts_at_commands(bench, world, ("after",)),
        lambda bench, world: cuts_at_bytes(bench, world, 60),
        lambda bench, world: corrupted_bytes(bench, world, 4),
        lost_exit_codes,
        stalled,
    ),
}
WORLDS = {"shell": World, "ssh": SshWorld, "adb": AdbWorld}


def run(transport: str, folder: Path, seed: int = 7) -> list[Row]:
    """Every fault of a transport, one after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder, seed)
    world = WORLDS[transport](folder)
    try:
        bench.start(world)
        for inject in PLANS[transport]:
            inject(bench, world)
            world.whole()
    finally:
        world.stop()
    return bench.rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| fault | transport | tried | old release | new release | lost | errors told |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        told = ", ".join(f"{code} {count}" for code, count in sorted(row.codes.items()))
        lines.append(f"| {row.fault} | {row.transport} | {row.tried} | {row.old} | {row.new} | {len(row.lost)} | {told} |")
    tried, lost = sum(row.tried for row in rows), sum(len(row.lost) for row in rows)
    cuts = sum(row.tried for row in rows if "cut" in row.fault)
    lines.append(
        f"| **all** ({cuts} cuts) | | **{tried}** | {sum(r.old for r in rows)} | {sum(r.new for r in rows)} | **{lost}** | |"
    )
    return "\n".join(lines)


def run_all(transports: Sequence[str], folder: Path, seed: int) -> list[Row]:
    """The transports side by side, each with a device of its own; without its programs a transport is left out, and told."""
    import pytest

    from tests.standins.adb_clients import private_adb
    from tests.standins.sshd import require_openssh

    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        wanted = list(transports)
        for transport, need in (("ssh", require_openssh), ("adb", lambda: adb_server(stack, folder, patch, private_adb))):
            if transport in wanted:
                try:
                    need()
                except pytest.skip.Exception as missing:
                    print(f"{transport} left out: {missing}", file=sys.stderr)
                    wanted.remove(transport)
        with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
            found = list(pool.map(lambda transport: run(transport, folder / transport, seed), wanted))
    return [row for rows in found for row in rows]


def adb_server(stack: ExitStack, folder: Path, patch: Any, private_adb: Any) -> None:
    """An adb server of our own until `stack` is closed: Google's client, else Debian's."""
    import pytest

    try:
        stack.enter_context(private_adb("google", folder / "adb home", patch))
    except pytest.skip.Exception:
        stack.enter_context(private_adb("debian", folder / "adb home", patch))


def main() -> int:
    """Print the table; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description="Every fault of the link, the device and the deployers, in every transport.")
    parser.add_argument("--transport", action="append", choices=sorted(PLANS))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    arguments = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgepack-faults-") as name:
        rows = run_all(arguments.transport or list(PLANS), Path(name), arguments.seed)
    print(table(rows))
    print(f"\n{time.monotonic() - start:.0f} s, seed {arguments.seed}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows]))
    for row in rows:
        for text in row.lost:
            print(f"lost: {row.transport}, {row.fault}, {text}", file=sys.stderr)
    return int(any(row.lost for row in rows))


if __name__ == "__main__":
    sys.exit(main())
