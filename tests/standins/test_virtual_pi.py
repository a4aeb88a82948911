"""The virtual Pi: real aarch64 wheels, libraries and programs, deployed over an emulated ssh server, end to end."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.progress import SilentProgress
from edgepack.kinds import open_device
from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.measure import measure
from edgepack.pack import Pack
from edgepack.project import load_target
from edgepack.releases.deploy import deploy
from edgepack.releases.types import Deployment
from edgepack.standins import standin, virtual_pi
from tests.standins.packs import conv_pack
from tests.standins.sshd import require_openssh


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return standin.state_folder()


@pytest.fixture
def virtual(state: Path) -> Iterator[standin.StandIn]:
    require_openssh()
    reason = virtual_pi.missing()
    if reason:
        pytest.skip(reason)
    try:
        started = standin.up("rpi", virtual=True)
    except DeviceError as error:
        pytest.skip(f"no virtual Pi can be had here: {error}")
    yield started
    standin.down("rpi")


def _deploy(pack: Pack, engine: str) -> Deployment:
    target = load_target("rpi", None, [f"device.engine={engine}", "device.runs=20", "device.warmup=2", "device.timeout=300 s"])
    with open_device(target) as device:
        facts = device.facts()
        assert (facts.machine, facts.model, facts.libc, facts.stand_in) == ("aarch64", virtual_pi.MODEL, "glibc 2.36", True)
        assert facts.temperature == 48.2 and facts.frequency == 1.8e9 and "emulated by QEMU" in facts.stand_in_reason
        try:
            deployment = deploy(pack, device, target, SilentProgress())
        except DeviceError as error:
            if error.code == "EP-525":
                pytest.skip(f"the runtime cannot be fetched here: {error}")
            raise
        if engine == "tflite-c":
            measured = measure(deployment, device, pack, None, None, None, target, SilentProgress())  # type: ignore[arg-type]
            timed = [one for one in measured.measurements if one.quantity.startswith("latency")]
            assert {one.method for one in timed} == {"stand-in"}, "an emulator's times are nobody's"
    return deployment


@pytest.mark.slow
@pytest.mark.skipif(not zig_present(), reason="zig is not installed (pip install ziglang)")
def test_a_real_deployment_with_real_aarch64_programs_and_wheels(virtual: standin.StandIn, tmp_path: Path) -> None:
    pack = conv_pack(tmp_path / "pack")
    native = _deploy(pack, "tflite-c")
    assert native.golden.inputs == pack.golden.count and native.runner.engine_version == "2.17.1"
    wheels = _deploy(pack, "tflite-ref")
    assert wheels.golden.inputs_differing == 0, "the reference kernels' bits, computed by an aarch64 wheel"
    assert "brought along: numpy" in wheels.runner.runtime and wheels.reused > 0
    current = virtual.folder / "root/home/pi/edgepack/conv/current"
    assert (current.parent / os.readlink(current) / "model.tflite").read_bytes() == pack.model.read_bytes()
    pid, mounts = virtual.pid, Path("/proc/mounts").read_text()
    assert "binfmt_misc" not in mounts or str(virtual.folder) not in mounts, "its mounts are its own"
    assert standin.down("rpi") and not virtual.folder.exists()
    end = time.monotonic() + 30
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes() and time.monotonic() < end:
        time.sleep(0.05)
    texts = (str(virtual.folder).encode(), b"/etc/edgepack/sshd_config")  # the second is the emulated server's
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if any(_mentions(path, text) for text in texts)]
    assert left == []


def _mentions(path: Path, text: bytes) -> bool:
    try:
        return text in path.read_bytes() and path.parent.name != str(os.getpid())
    except OSError:
        return False


def test_what_is_missing_is_told_before_anything_is_made(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for change, said in ((lambda: 1000, "needs root"), (lambda: 0, "packages mmdebstrap, qemu-user-static, util-linux")):
        monkeypatch.setattr(os, "geteuid", change)
        monkeypatch.setattr(shutil, "which", lambda *arguments, **options: None)
        with pytest.raises(ToolError) as caught:
            standin.up("rpi", virtual=True)
        assert caught.value.code == "EP-688" and said in str(caught.value)
        assert not (state / "rpi").exists()


def test_a_system_that_cannot_be_fetched_leaves_nothing(state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_openssh()
    program = tmp_path / "mmdebstrap"
    program.write_text("#!/bin/sh\necho 'E: the mirror does not answer' >&2\nexit 25\n")
    program.chmod(0o755)
    monkeypatch.setattr(virtual_pi, "missing", lambda: "")
    monkeypatch.setattr(virtual_pi, "_find", lambda name: str(program))
    with pytest.raises(DeviceError) as caught:
        standin.up("rpi", virtual=True)
    assert caught.value.code == "EP-539" and "the mirror does not answer" in str(caught.value)
    assert not (state / "rpi").exists() and standin.running() == ()
