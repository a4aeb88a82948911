"""The packs' shell scripts, checked by shellcheck and run against devices over ssh and adb."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.ground.progress import SilentProgress
from edgepack.kinds import KINDS
from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.pack import Pack, PackInfo, write_pack
from edgepack.pack.bench_scripts import bench_scripts
from edgepack.standins.adbd import HostUserland
from tests.flatbuffer.build import conv_model
from tests.standins.adb_clients import private_adb
from tests.standins.adb_device import AdbStandin
from tests.standins.sshd import LoopbackSshd, require_openssh


def _pack(folder: Path, kind: str, program: Path | None = None) -> Pack:
    model = folder.with_suffix(".tflite")
    model.write_bytes(conv_model())
    return write_pack(folder, "conv", model, info=PackInfo(files=bench_scripts(KINDS[kind], program)))


def _run(pack: Pack, script: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(pack.folder / "scripts" / script), *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=240)


@pytest.mark.parametrize("kind", ["ssh", "adb"])
def test_they_are_clean_and_plain(kind: str, tmp_path: Path) -> None:
    script = tmp_path / f"{kind}.sh"
    script.write_bytes(bench_scripts(KINDS[kind])[f"scripts/{kind}.sh"])  # type: ignore[arg-type]
    subprocess.run(["sh", "-n", str(script)], check=True)
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (apt-get install --no-install-recommends shellcheck)")
    done = subprocess.run(["shellcheck", "--shell=sh", str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_other_kinds_get_none() -> None:
    assert bench_scripts(KINDS["mcu"]) == bench_scripts(KINDS["local"]) == {}


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[LoopbackSshd]:
    require_openssh()
    server = LoopbackSshd(tmp_path / "sshd").start()
    yield server
    server.stop()


def test_over_ssh_the_model_is_checked_and_timed_and_nothing_stays(sshd: LoopbackSshd, tmp_path: Path) -> None:
    pack = _pack(tmp_path / "a pack it's", "ssh")
    settings = {"SSH": f"ssh -F {sshd.config}", "PYTHON": sys.executable, "RUNS": "20"}
    before = set(Path("/tmp").glob("edgepack-script-*"))
    done = _run(pack, "ssh.sh", sshd.host, **settings, ENGINE="tflite-ref")
    assert done.returncode == 0, done.stderr
    assert f"0 of {pack.golden.count} differ from the reference" in done.stdout and "Latency of 20 runs: median" in done.stdout
    assert set(Path("/tmp").glob("edgepack-script-*")) <= before
    done = _run(pack, "ssh.sh", sshd.host, **settings)
    assert done.returncode == 0 and "Golden vectors with litert" in done.stdout, done.stderr


def test_over_ssh_what_is_wrong_is_told(sshd: LoopbackSshd, tmp_path: Path) -> None:
    pack = _pack(tmp_path / "pack", "ssh")
    settings = {"SSH": f"ssh -F {sshd.config}", "PYTHON": sys.executable}
    assert _run(pack, "ssh.sh").stderr.startswith("usage:")
    for changes, said in (({"PYTHON": "/no/python"}, "without a result"), ({"ENGINE": "frobnicate"}, "without a result")):
        done = _run(pack, "ssh.sh", sshd.host, **{**settings, **changes})
        assert done.returncode == 1 and said in done.stderr
    (pack.folder / "model.tflite").write_bytes(b"no model")
    done = _run(pack, "ssh.sh", sshd.host, **settings, ENGINE="litert")
    assert done.returncode == 1 and "refuses the model" in done.stderr
    sshd.kill()
    done = _run(pack, "ssh.sh", sshd.host, **settings)
    assert done.returncode == 1 and "cannot be reached" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not zig_present(), reason="zig is not installed (pip install ziglang)")
def test_over_adb_the_models_program_is_checked_and_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is this machine's, as the stand-in runs its commands here."""
    import platform

    from edgepack.runners.native import build_program

    model = tmp_path / "conv.tflite"
    model.write_bytes(conv_model())
    with private_adb("debian", tmp_path / "adb home", monkeypatch) as adb:
        pack = _pack(tmp_path / "pack", "adb", build_program(model, platform.machine(), SilentProgress()))
        phone = AdbStandin(HostUserland(tmp_path / "phone"))
        try:
            subprocess.run([adb, "connect", phone.serial], check=True, capture_output=True, timeout=60)
            root = tmp_path / "phone" / "it's data"
            root.mkdir(parents=True)
            settings = {"ADB": adb, "EDGEPACK_ANDROID_ROOT": str(root), "RUNS": "20"}
            done = _run(pack, "adb.sh", phone.serial, **settings)
            assert done.returncode == 0, done.stderr
            assert f"0 of {pack.golden.count} differ from the reference" in done.stdout and "Latency of 20 runs" in done.stdout
            (pack.folder / "scripts/program/run").write_bytes(b"#!/bin/sh\nexit 3\n")
            done = _run(pack, "adb.sh", phone.serial, **settings)
            assert done.returncode == 1 and "benchmark_model failed" in done.stderr
            assert list(root.iterdir()) == []
        finally:
            phone.stop()
