"""What a confined process cannot do any more, tried by a program that does its worst: as root, and as a user."""

from __future__ import annotations

import errno
import mmap
import os
import re
import resource
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgepack.workers.confinement import landlock, seccomp
from edgepack.workers.confinement.memory import bounded_memory, half_the_memory, taken_memory
from edgepack.workers.worker import Worker, WorkerFailure
from tests.workers.processes import has_ended, stopped

MAIN = Path(sys.modules["edgepack.workers.worker"].__file__ or "").with_name("worker_main.py")
USERS = [
    pytest.param(uid, id=name) for name, uid in (("as it is", None), ("as a user", 65534)) if uid is None or os.geteuid() == 0
]

pytestmark = pytest.mark.skipif(not seccomp.available() or not landlock.version(), reason="this system offers no confinement")

PROGRAM = """
import encodings.idna, errno, mmap, os, resource, signal, socket, subprocess, sys, threading, time
from pathlib import Path

def attempt(name, act, said):
    try:
        said[name] = str(act())
    except OSError as error:
        said[name] = errno.errorcode.get(error.errno, "no errno")
    except MemoryError:
        said[name] = "MemoryError"

def work(job):
    from edgepack.workers.confinement.confine import confine, limit_work  # a user may not read this Python
    if job["uid"] is not None:
        os.setgroups([])
        os.setgid(job["uid"])
        os.setuid(job["uid"])
    if job.get("without"):
        from edgepack.workers.confinement import landlock, seccomp
        seccomp.available, landlock.version = (lambda: False), (lambda: 0)
    kept_off = confine(Path("."), 1 << 20)
    limit_work(256 << 20, job.get("seconds", 60))
    outside, parent, said = Path(job["outside"]), os.getppid(), {}
    acts = {
BODY
    }
    for name, act in acts.items():
        attempt(name, act, said)
    return {**said, "kept off": kept_off}
"""


@pytest.fixture
def listener() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and who connected to it."""
    heard: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hear() -> None:
            while True:
                try:
                    heard.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=hear, daemon=True).start()
        yield server.getsockname()[1], heard
        server.shutdown(socket.SHUT_RDWR)


def _tried(folder: Path, acts: dict[str, str], uid: int | None, **job: Any) -> dict[str, Any]:
    """What came of each expression, by its name: "EPERM" and the like for one that was refused."""
    scratch, outside = folder / "scratch", folder / "outside"
    for place in (scratch, outside):
        place.mkdir(exist_ok=True)
    (outside / "thesis").write_text("years of work")
    program = folder / "program.py"
    program.write_text(PROGRAM.replace("BODY", "\n".join(f"        {name!r}: lambda: {act}," for name, act in acts.items())))
    if uid is not None:
        for path in (folder, scratch, outside, outside / "thesis"):
            os.chown(path, uid, uid)
        for above in (folder, *folder.parents[:3]):
            above.chmod(0o755)
    with Worker([str(MAIN), str(program)], {"uid": uid, "outside": str(outside), **job}, scratch) as worker:
        said = worker.result(60.0)
    assert said.pop("kept off") == (["network"] if job.get("without") else ["network", "writing"])
    return said


@pytest.mark.parametrize("uid", USERS)
def test_where_calls_cannot_be_given_up_it_has_a_network_of_its_own(
    tmp_path: Path, uid: int | None, listener: tuple[int, list[Any]]
) -> None:
    port, heard = listener
    acts = {"TCP": f"socket.create_connection(('127.0.0.1', {port}))", "inside": "Path('made').write_text('x')"}
    assert _tried(tmp_path, acts, uid, without=True) == {"TCP": "ENETUNREACH", "inside": "1"}
    assert not heard


@pytest.mark.parametrize("uid", USERS)
def test_it_has_no_network(tmp_path: Path, uid: int | None, listener: tuple[int, list[Any]]) -> None:
    port, heard = listener
    acts = {
        "TCP": f"socket.create_connection(('127.0.0.1', {port}))",
        "UDP": "socket.socket(type=socket.SOCK_DGRAM)",
        "Unix": "socket.socket(socket.AF_UNIX)",
        "netlink": "socket.socket(socket.AF_NETLINK)",
        "pair": "socket.socketpair()",
    }
    assert _tried(tmp_path, acts, uid) == dict.fromkeys(acts, "EPERM")
    assert not heard


@pytest.mark.parametrize("uid", USERS)
def test_it_writes_in_its_folder_only(tmp_path: Path, uid: int | None) -> None:
    before = tmp_path / "outside" / "thesis"
    acts = {
        "inside": "Path('made').write_text('x')",
        "inside twice": "(Path('deep').mkdir(), Path('made').rename('deep/moved'), Path('deep/moved').unlink())[-1]",
        "nowhere": "open(os.devnull, 'w').write('x')",
        "new": "(outside / 'new').write_text('x')",
        "old": "(outside / 'thesis').write_text('x')",
        "cut": "os.truncate(outside / 'thesis', 0)",
        "removed": "(outside / 'thesis').unlink()",
        "folder": "(outside / 'folder').mkdir()",
        "moved": "os.rename(outside / 'thesis', 'stolen')",
        "link": "os.symlink(outside, 'link')",
        "pipe": "os.mkfifo('pipe')",
        "mode": "os.chmod(outside / 'thesis', 0o777)",
        "owner": "os.chown(outside / 'thesis', os.getuid(), os.getgid())",
        "times": "os.utime(outside / 'thesis', (0, 0))",
        "attribute": "os.setxattr(outside / 'thesis', 'user.a', b'x')",
        "parent's memory": "open(f'/proc/{parent}/mem', 'r+b')",
        "large": "os.truncate(os.open('large', os.O_CREAT | os.O_RDWR), 2 << 20)",
    }
    said = _tried(tmp_path, acts, uid)
    done = {name: said.pop(name) for name in ("inside", "inside twice", "nowhere", "large")}
    assert done == {"inside": "1", "inside twice": "None", "nowhere": "1", "large": "EFBIG"}
    assert set(said.values()) <= {"EACCES", "EPERM", "EXDEV"}, said
    assert os.listdir(tmp_path / "outside") == ["thesis"] and before.read_text() == "years of work"
    assert before.stat().st_mtime > 1 and before.stat().st_mode & 0o777 != 0o777


@pytest.mark.parametrize("uid", USERS)
def test_it_starts_and_reaches_no_other_process(tmp_path: Path, uid: int | None) -> None:
    acts = {
        "fork": "os.fork()",
        "program": "subprocess.run(['true'])",
        "spawn": "os.posix_spawn(sys.executable, ['python', '-c', ''], {})",
        "replaced": "os.execv(sys.executable, ['python', '-c', ''])",
        "signal": "os.kill(parent, 0)",
        "limits": "resource.prlimit(parent, resource.RLIMIT_NOFILE, (10, 10))",
        "priority": "os.setpriority(os.PRIO_PROCESS, parent, 19)",
        "own limits": "resource.prlimit(0, resource.RLIMIT_NOFILE) and 'may'",
        "itself": "os.kill(os.getpid(), 0)",
        "thread": "(lambda t: (t.start(), t.join())[-1])(threading.Thread(target=time.time))",
    }
    said = _tried(tmp_path, acts, uid)
    assert (said.pop("own limits"), said.pop("itself"), said.pop("thread")) == ("may", "None", "None")
    assert said == dict.fromkeys(said, "EPERM")


@pytest.mark.parametrize("uid", USERS)
def test_memory_and_time_end(tmp_path: Path, uid: int | None) -> None:
    acts = {"some": "len(bytearray(100 << 20))", "much": "len(bytearray(1 << 30))", "file in memory": "os.memfd_create('a')"}
    assert _tried(tmp_path, acts, uid) == {"some": str(100 << 20), "much": "MemoryError", "file in memory": "EPERM"}
    with pytest.raises(WorkerFailure) as caught:
        _tried(tmp_path, {"for ever": "all(True for _ in iter(int, 1))"}, uid, seconds=0.1)
    assert (caught.value.kind, str(caught.value)) == ("crash", "SIGXCPU")


def test_what_a_process_is_looked_at_for_stops_it(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def look(pid: int) -> None:
        if Path(f"/proc/{pid}/comm").exists() and (tmp_path / "begun").exists():
            raise Enough(str(pid))

    program = tmp_path / "program.py"
    program.write_text("import time\ndef work(job):\n    open('begun', 'w').close()\n    time.sleep(60)\n")
    with pytest.raises(Enough) as caught, Worker([str(MAIN), str(program)], None, tmp_path) as worker:
        worker.result(30.0, look=look)
    assert not Path(f"/proc/{caught.value}").exists()


def test_a_worker_that_is_stopped_takes_its_children_with_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import subprocess, time\ndef work(job):\n"
        "    child = subprocess.Popen(['sleep', '600'])\n    open('child', 'w').write(str(child.pid))\n    time.sleep(600)\n"
    )

    def stop(seconds: float) -> None:
        with pytest.raises(WorkerFailure), Worker([str(MAIN), str(program)], None, tmp_path) as worker:
            worker.result(seconds)

    stopped(stop, tmp_path / "child")
    assert has_ended(int((tmp_path / "child").read_text()))


@pytest.mark.parametrize("machine", seccomp.PROCESSORS)
def test_the_calls_have_the_numbers_that_the_c_library_gives_them(machine: str, tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("#include <sys/syscall.h>\n")
    command = [sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-gnu", "-E", "-dM", str(tmp_path / "a.c")]
    pytest.importorskip("ziglang")
    defined = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)$", defined, re.MULTILINE)}
    processor = seccomp.PROCESSORS[machine]
    known = {**processor.forbidden, **processor.by_argument}
    assert known == {name: numbers[name] for name in known}
    others = seccomp.PROCESSORS["x86_64" if machine == "aarch64" else "aarch64"].forbidden.keys() - known
    assert not others & numbers.keys(), "a call that is taken away on one processor only"
    assert numbers["mseal"] == seccomp._LAST_KNOWN


def _answer(code: list[tuple[int, int, int, int]], audit: int, number: int, argument: int) -> int:
    """What a filter says to a call: a machine for the five instructions that it is made of."""
    data = struct.pack("=IIQ6Q", number, audit, 0, argument, 0, 0, 0, 0, 0)
    place = word = 0
    while True:
        kind, then, otherwise, value = code[place]
        place += 1
        if kind == 0x20:
            word = struct.unpack_from("=I", data, value)[0]
        elif kind == 0x06:
            return value
        else:
            met = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[kind]
            place += then if met else otherwise


@pytest.mark.parametrize("machine", seccomp.PROCESSORS)
def test_the_filter_refuses_what_the_table_says_and_nothing_else(machine: str) -> None:
    allowed, refused, absent = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
    processor, pid = seccomp.PROCESSORS[machine], 4321
    code = [struct.unpack("=HBBI", part) for part in seccomp.instructions(processor, pid)]
    code = [(kind, then, otherwise, value) for kind, then, otherwise, value in code]

    def answer(number: int, argument: int = 0, audit: int = processor.audit) -> int:
        return _answer(code, audit, number, argument)

    decided = processor.by_argument
    for number in range(seccomp._LAST_KNOWN + 1):
        if number not in decided.values():
            assert answer(number) == (refused if number in processor.forbidden.values() else allowed), number
    assert answer(0, audit=0x40000003) == refused, "a call by i386's numbers"
    assert answer(0x40000000 | 41) == refused
    assert answer(seccomp._LAST_KNOWN + 1) == answer(decided["clone3"]) == absent
    assert (answer(decided["clone"], 0x3D0F00), answer(decided["clone"], 0x11)) == (allowed, refused)
    assert (answer(decided["kill"], pid), answer(decided["kill"], pid + 1)) == (allowed, refused)
    assert (answer(decided["tgkill"], pid), answer(decided["tgkill"], 1)) == (allowed, refused)
    assert (answer(decided["prlimit64"], 0), answer(decided["prlimit64"], 7)) == (allowed, refused)


def test_bounded_memory_ends_with_the_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with bounded_memory(64 << 20):
        with bounded_memory(32 << 20):  # what another thread does at the same time bounds nobody more
            assert len(bytearray(40 << 20))
        with pytest.raises(MemoryError):
            bytearray(1 << 30)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert len(mmap.mmap(-1, 128 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)) == 128 << 20


def test_memory_is_what_the_system_says_it_is() -> None:
    total = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) << 10  # type: ignore[index]
    assert 0 < half_the_memory() <= total // 2
    assert 1 << 20 < (taken_memory() or 0) < total


def test_a_system_without_these_means_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert (landlock.version(), seccomp.available()) == (0, False)
