"""Each fault: how it is made, and how often."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgepack.ground.errors import DeviceError
from edgepack.pack import Pack
from edgepack.releases.switch import SWITCH
from edgepack.workers.process import Finished
from tests.releases.fault_bench import Bench, commands_of
from tests.releases.fault_worlds import World, broke
from tests.standins.quick_python import quick_python
from tests.standins.releases import current_release

Change = Callable[[Path], object]
Words = Callable[[list[str]], list[str]]


def cuts_at_commands(bench: Bench, world: World, whens: tuple[str, ...]) -> None:
    """The link breaks before, within or after each command in turn."""
    calls, _ = commands_of(bench, world)
    for when in whens:
        row = bench.row(f"link cut {when} every command", world)
        for at in bench.some(range(1, calls + 1)):

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


def cuts_at_bytes(bench: Bench, world: World) -> None:
    """The link breaks after a random number of bytes, in the middle of whatever that is, `bench.cuts` times."""
    _, moved = commands_of(bench, world)
    row = bench.row("link cut at a random byte", world)
    for _ in bench.some(range(bench.cuts)):
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
    for _ in bench.some(range(number)):
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
    for at in bench.some(range(2, calls + 1, 2)):

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
    for at in bench.some(range(4, calls)):
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
    assert emptied > 10 // bench.every, "there should have been something to lose"


def clocks(bench: Bench, world: World) -> None:
    """The device's date jumps by years between any two commands."""
    row = bench.row("clock skew", world)
    date = world.bin / "date"
    with world.own_programs():
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
    with world.own_programs():
        for at in bench.some(range(1, 200)):
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
    for command, name in bench.some([(command, name) for command in ("probe", "golden") for name in ("KILL", "SEGV", "TERM")]):
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
    for _ in bench.some(range(3)):
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
    with world.own_programs():
        mkdir.write_text('#!/bin/sh\necho "mkdir: cannot create directory: Read-only file system" >&2\nexit 1\n')
        mkdir.chmod(0o755)
        with world.broken() as device:
            code = bench.send(world, bench.new, device)
        mkdir.unlink()
    assert code == "EP-511", code
    bench.judge(row, world, code, "mkdir refused")


def hostile(bench: Bench, world: World) -> None:
    """The device answers each command in turn with something else, or with more than that."""
    calls, _ = commands_of(bench, world)
    nonsense = {
        "noise": bench.random.randbytes(2000).replace(b"\n", b""),
        "paths": b"into ../../..\nwrong ../../../etc/passwd\nhave 00 /etc/passwd\nbase 00 00 /etc/passwd\nfree -1\nlinks maybe\n",
        "numbers": b'{"free": 1e999, "version": -1, "packages": [null]}\n' + b"9" * 5000 + b"[" * 100_000 + b"\n",
    }
    row = bench.row("hostile device", world)
    for what, lie in nonsense.items():
        for instead in (True, False):
            for at in bench.some(range(1, calls + 1)):

                def around(
                    number: int,
                    go: Callable[..., Finished],
                    data: bytes | None,
                    at: int = at,
                    lie: bytes = lie,
                    instead: bool = instead,
                ) -> Finished:
                    done = go()
                    return replace(done, stdout=_lying(done.stdout, lie, instead)) if number == at else done

                with world.broken(around) as device:
                    code = bench.send(world, bench.new, device)
                bench.judge(row, world, code, f"command {at} answered with {what}{'' if instead else ' before the answer'}")


def _lying(stdout: bytes, lie: bytes, instead: bool) -> bytes:
    """What a command gave, between its markers, replaced by the lie, or behind it."""
    begin = re.search(rb"\nedgepack-begin-\w+\n", stdout)
    end = stdout.rfind(b"\nedgepack-end-")
    if begin is None or end < 0:
        return stdout
    return stdout[: begin.end()] + lie + (b"" if instead else stdout[begin.end() : end]) + stdout[end:]


def patches(bench: Bench, world: World) -> None:
    """A file of the new release is made on the device of the old one's: the link breaks, or the old file is another."""
    similar = bench.similar()
    shutil.rmtree(world.root / "conv")
    similar.start(world)
    cuts_at_commands(similar, world, ("after",))
    similar.rows[-1].fault += ", patches"
    if world.has_link:
        cuts_at_bytes(similar, world)
        similar.rows[-1].fault += ", patches"
    row = similar.row("patch for another base", world)
    (ballast,) = (world.root / "conv" / "releases" / similar.old.id / "extra").iterdir()
    content = ballast.read_bytes()
    ballast.write_bytes(content[::-1])  # the blob, too: it is the same file
    with world.broken() as device:
        code = similar.send(world, similar.new, device)
    ballast.write_bytes(content)
    assert code == "", code
    similar.judge(row, world, code, "the old file was reversed")
    shutil.rmtree(world.root / "conv")
    bench.start(world)


def signatures(bench: Bench, world: World) -> None:
    """The device has a key, and is offered what it must not take."""
    from tests.standins.signing import NEW, OLD, THIRD, signed

    def offer(
        fault: str, wanted: str, pack: Pack, release: Change = lambda folder: None, words: Words = lambda words: words
    ) -> None:
        row = bench.row(fault, world)
        with world.broken() as device:
            genuine = device.run

            def run(argv: Sequence[str], **rest: Any) -> Any:
                if argv[2:3] != [SWITCH]:
                    return genuine(argv, **rest)
                release(world.root / "conv" / "incoming" / bench.new.id)
                return genuine(words(list(argv)), **rest)

            device.run = run  # type: ignore[method-assign]
            code = bench.send(world, pack, device)
        assert code == wanted, f"{fault}: {code}"
        bench.judge(row, world, code, fault)

    assert bench.send(world, signed(bench.old, OLD, 100)) == ""
    assert bench.send(world, signed(bench.old, NEW, 150, endorser=OLD)) == ""
    offer("signed with another key", "EP-572", signed(bench.new, THIRD, 200))
    offer("signed with a stale key", "EP-573", signed(bench.new, OLD, 200))
    offer("older release replayed", "EP-574", signed(bench.new, NEW, 149))
    signed(bench.new, NEW, 200)
    offer("signature wrong", "EP-571", bench.new, words=lambda words: [word.replace(":200\t", ":900\t") for word in words])
    offer(
        "blob tampered with on the device",
        "EP-575",
        bench.new,
        release=lambda folder: [(folder / "model.tflite").unlink(), (folder / "model.tflite").write_bytes(b"another")],
    )
    (bench.new.folder / "manifest.json.minisig").unlink()
    offer("signature missing", "EP-570", bench.new)
    signed(bench.old, NEW, 200)
    signed(bench.new, NEW, 200)
    cuts_at_commands(bench, world, ("after",))
    bench.rows[-1].fault += ", signed"
