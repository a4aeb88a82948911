"""What commands leave behind, walked file by file: private things are private under every umask."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Run
from tests.flatbuffer.build import conv_model
from tests.standins.adb_clients import adb_of
from tests.standins.leaks import gone
from tests.standins.sshd import require_openssh


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """A home, a TMPDIR and an adb server that nobody has used before."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir(mode=0o700, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return {
        "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "XDG_RUNTIME_DIR": "", "XDG_CACHE_HOME": "",
        "EDGEPACK_CACHE": "", "ADB_SERVER_SOCKET": f"tcp:{port}", "EDGEPACK_ADB": "", "EDGEPACK_ANDROID": "",
    }  # fmt: skip


def _open_to_others(folder: Path) -> list[str]:
    """Whatever below `folder` others may do something with."""
    found = [path for path in folder.rglob("*") if not path.is_symlink()]
    return [f"{path.lstat().st_mode & 0o777:o} {path}" for path in found if path.lstat().st_mode & 0o077]


def _modes(folder: Path, umask: int) -> None:
    for path in (folder, *folder.rglob("*")):
        wanted = 0o777 if path.is_dir() else 0o666
        assert path.stat().st_mode & 0o666 == wanted & 0o666 & ~umask, path


@pytest.mark.slow
@pytest.mark.parametrize("target", ["android", "rpi"])
def test_a_stand_in_its_keys_and_caches_are_private(edgepack: Run, tmp_path: Path, places: dict[str, str], target: str) -> None:
    if target == "android":
        adb_of("debian")
    else:
        require_openssh()
    (tmp_path / "m.tflite").write_bytes(conv_model())
    options = ("--set", "device.engine=c", "--set", "device.runs=5", "--device", "standin")
    done = edgepack("deploy", "m.tflite", "--target", target, *options, env=places, umask=0o000)
    assert "on a stand-in" in done.stdout, done.stderr
    home = tmp_path / "home"
    left = {path.name for path in home.rglob("*")}
    assert {"programs", "model.tflite", "current"} <= left and ("host_key" in left) == (target == "rpi")
    assert not _open_to_others(home)
    assert gone(lambda: list((tmp_path / "tmp").iterdir())), "no temporary folder, key or socket stays"
    _modes(tmp_path / "build", 0o000)


@pytest.mark.slow
def test_the_cache_of_a_project_is_private_and_its_results_follow_the_umask(tmp_path: Path, places: dict[str, str]) -> None:
    keras = pytest.importorskip("tf_keras", reason="the train extra is not installed")
    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(3, "softmax")])
    model.save(tmp_path / "net.h5")
    random = np.random.default_rng(2)
    x, y = random.normal(size=(60, 8)).astype(np.float32), np.arange(60) % 3
    np.savez(tmp_path / "d.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    program = "import edgepack; edgepack.export('net.h5', 'c', data='d.npz', out='out')"
    command, environment = [sys.executable, "-c", program], {**os.environ, **places}
    done = subprocess.run(command, cwd=tmp_path, env=environment, umask=0o002, capture_output=True, text=True)
    assert list((tmp_path / "out").rglob("*.c")), done.stderr
    caches = list(tmp_path.rglob(".edgepack"))
    assert caches and all(path.stat().st_mode & 0o077 == 0 and not _open_to_others(path) for path in caches)
    assert not _open_to_others(tmp_path / "home")
    _modes(tmp_path / "out", 0o002)
