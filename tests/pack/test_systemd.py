"""The service: a unit that systemd accepts, and a server that follows the link of a real deployment."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgepack
from edgepack.devices.local import LocalDevice
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target, load_target
from edgepack.releases.deploy import deploy, rollback
from edgepack.runners import dequantize, quantize, run_model
from tests.standins.packs import conv_pack


@pytest.fixture
def target(tmp_path: Path) -> Target:
    settings = [f"device.root={tmp_path / 'root'}", f"device.python={sys.executable}", "device.engine=litert", "device.threads=1"]
    return load_target("host", None, settings)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    pack = conv_pack(tmp_path / "model" / "conv")
    edgepack.export(pack.model, "systemd", out=tmp_path / "service", name="my-model", quiet=True)
    return tmp_path / "service"


class Service:
    """The exported server on a free port; `lines` is what it has printed."""

    def __init__(self, folder: Path, served: Path) -> None:
        words = [sys.executable, "-u", str(folder / "serve.py"), str(served), "--port", "0", "--every", "0.05"]
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
        self.port = int(self.wait_for("on port ").rpartition(" ")[2])

    def wait_for(self, text: str) -> str:
        while True:
            found = [line for line in self.log.read_text().splitlines() if text in line]
            if found:
                return found[-1]
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)

    def ask(self, inputs: Any = None) -> dict[str, Any]:
        data = None if inputs is None else json.dumps({"inputs": inputs}).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/infer", data, timeout=60) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found


@pytest.fixture
def packs(tmp_path: Path) -> tuple[Pack, Pack]:
    return conv_pack(tmp_path / "first" / "pack", seed=1), conv_pack(tmp_path / "second" / "pack", seed=2)


@pytest.fixture
def service(exported: Path, packs: tuple[Pack, Pack], target: Target, tmp_path: Path) -> Iterator[Service]:
    deploy(packs[0], LocalDevice(), target, SilentProgress())
    started = Service(exported, tmp_path / "root" / "conv")
    yield started
    started.process.kill()
    started.process.wait()


def _reference(pack: Pack, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    given, out = pack.golden.inputs[0], pack.golden.outputs[0]
    quantized = quantize(values[None], given.scale or 0.0, given.zero_point or 0, given.dtype)
    (result,) = run_model(pack.model, (quantized.reshape(1, *given.shape[1:]),), engine="tflite-ref")
    return np.asarray(dequantize(result, out.scale or 0.0, out.zero_point or 0))


def test_it_serves_what_is_current_and_follows_every_switch(
    service: Service, packs: tuple[Pack, Pack], target: Target, tmp_path: Path
) -> None:
    first, second = packs
    given = first.golden.inputs[0]
    values = np.random.default_rng(0).normal(0, 20 * (given.scale or 1.0), given.shape[1:]).astype(np.float32)
    answer = service.ask([values.tolist()])
    assert answer["release"] == first.id
    step = first.golden.outputs[0].scale or 1.0
    np.testing.assert_allclose(np.ravel(answer["outputs"][0]), np.ravel(_reference(first, values)), atol=1.01 * step)

    deploy(second, LocalDevice(), target, SilentProgress())
    service.wait_for(f"release {second.id} takes over")
    answer = service.ask([values.tolist()])
    assert answer["release"] == second.id
    np.testing.assert_allclose(np.ravel(answer["outputs"][0]), np.ravel(_reference(second, values)), atol=1.01 * step)

    rollback("conv", LocalDevice(), target, SilentProgress())
    service.wait_for(f"release {first.id} takes over")
    assert service.ask()["release"] == first.id


def test_a_release_that_cannot_be_used_changes_nothing(service: Service, packs: tuple[Pack, Pack], tmp_path: Path) -> None:
    folder = tmp_path / "root" / "conv"
    (folder / "releases" / "broken").mkdir()
    (folder / "next").symlink_to("releases/broken")
    (folder / "next").rename(folder / "current")
    service.wait_for("release broken cannot be used")
    assert service.ask()["release"] == packs[0].id
    with pytest.raises(urllib.error.HTTPError) as caught:
        service.ask([[1, 2]])
    assert caught.value.code == 400


def test_systemd_accepts_the_unit(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    unit = exported / "edgepack-my-model.service"
    completed = subprocess.run([program, "--user", "verify", str(unit)], capture_output=True, text=True)
    if "Failed to initialize" in completed.stderr:
        pytest.skip(f"systemd-analyze does not work here: {completed.stderr.splitlines()[-1]}")
    ours = [line for line in completed.stderr.splitlines() if unit.name in line]
    assert ours == [], "a key or a value that systemd does not take"
    unit.write_text(unit.read_text().replace("Restart=always", "Restart=sometimes"))
    broken = subprocess.run([program, "--user", "verify", str(unit)], capture_output=True, text=True)
    assert unit.name in broken.stderr, "systemd-analyze would tell"
