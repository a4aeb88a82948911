"""Every program that edgepack runs and listens to may write without end: it is stopped, in bounded memory, with a clear error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgepack.cores import CORES
from edgepack.engines import wheels
from edgepack.ground.errors import DeviceError, EdgepackError
from edgepack.mcu.boards import probe_board
from edgepack.mcu.emulate import qemu
from edgepack.mcu.host import HostProgram, run_host
from edgepack.mcu.toolchain import compilers
from edgepack.mcu.toolchain.program import Program, ports_of
from edgepack.pipeline import doctor
from edgepack.standins import sshd, virtual_pi
from edgepack.workers.confinement.memory import bounded_memory
from tests.workers.processes import has_ended, stopped

X = np.zeros((1, 4), np.int8)


def _host(program: Path) -> None:
    run_host(HostProgram(program, "model", ports_of((X,)), ports_of((X,))), (X,), timeout_s=_SECONDS)


def _qemu(program: Path) -> None:
    ports = ports_of((X,))
    firmware = Program(program, "model", CORES["cortex-m4"], ports, ports, compilers.Toolchain("gcc", ("cc",), "1"), "size")
    qemu.run_on_qemu(firmware, (X,), timeout_s=_SECONDS)


def _wheels(program: Path) -> None:
    wheels._download("numpy==1.26.4", wheels.Platform((3, 11), "aarch64", 36), program.parent)


_SECONDS = 20.0
KINDS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "model on this computer": ("model", _host),
    "emulator": ("qemu-system-arm", _qemu),
    "emulator's version": ("qemu-system-arm", lambda program: qemu.qemu_version.__wrapped__()),
    "probe": ("pyocd", lambda program: probe_board._pyocd(["list"])),
    "compiler": ("cc", lambda program: compilers.run_compiler([str(program)], "model")),
    "compiler's version": ("cc", lambda program: compilers._first_line.__wrapped__((str(program),))),
    "pip": ("python", _wheels),
    "sshd": ("sshd", lambda program: sshd.start(program.parent, "alias", "user")),
    "packages of a system": ("mmdebstrap", lambda program: virtual_pi._fetch(program.parent / "root")),
}


@pytest.fixture
def flooding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """A program of this name, first in the path, that writes to this stream until somebody stops it."""

    def make(name: str, stream: str) -> Path:
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexec yes 'and so on, and so forth, and yet more of it' {stream}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
        monkeypatch.setattr(sys, "executable", str(program) if name == "python" else sys.executable)
        return program

    return make


@pytest.mark.parametrize("stream", ["", ">&2"], ids=["output", "errors"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_floods_is_stopped(kind: str, stream: str, flooding: Callable[[str, str], Path]) -> None:
    name, act = KINDS[kind]
    program, start = flooding(name, stream), time.monotonic()
    with bounded_memory(200 << 20), pytest.raises(DeviceError) as caught:
        act(program)
    assert caught.value.code == "EP-533" and f"{name} wrote more than" in str(caught.value) and caught.value.hint
    assert time.monotonic() - start < _SECONDS


def test_the_doctor_tells_of_one_and_goes_on(flooding: Callable[[str, str], Path]) -> None:
    assert doctor._program_version(str(flooding("adb", "")), ("--version",)) == "adb does not answer"


@pytest.mark.parametrize(("name", "code"), [("model", "EP-554"), ("qemu-system-arm", "EP-554"), ("pyocd", "EP-564")])
def test_one_that_does_not_end_is_stopped_with_its_children(
    name: str, code: str, tmp_path: Path, flooding: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = flooding(name, "")
    program.write_text(f"#!/bin/sh\nsleep 600 & echo $! > {tmp_path}/child; wait\n")
    kind = {"model": "model on this computer", "qemu-system-arm": "emulator", "pyocd": "probe"}[name]

    def stop(seconds: float) -> str:
        monkeypatch.setattr(probe_board, "_COMMAND_TIMEOUT_S", seconds)
        monkeypatch.setattr(sys.modules[__name__], "_SECONDS", seconds)
        with pytest.raises(EdgepackError) as caught:
            KINDS[kind][1](program)
        return caught.value.code

    assert stopped(stop, tmp_path / "child") == code
    assert has_ended(int((tmp_path / "child").read_text()))
