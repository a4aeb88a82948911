"""Deploying to Android through the real adb clients: as aarch64 code in an Android-like userland, and with the link failing."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgepack.devices.adb import AdbDevice
from edgepack.engines import program as program_module
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.kinds import open_device
from edgepack.measure import measure
from edgepack.pack import Pack
from edgepack.project import Target, load_target
from edgepack.releases.deploy import deploy, rollback
from edgepack.standins.adbd import HostUserland
from tests.standins.adb_clients import private_adb
from tests.standins.adb_device import AdbStandin
from tests.standins.android_root import Aarch64Userland
from tests.standins.releases import current_release, no_leftovers

SILENT = SilentProgress()
CUTS = int(os.environ.get("EDGEPACK_CUTS", "6"))


@pytest.fixture(params=["debian", "google"])
def adb(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with private_adb(request.param, tmp_path / "adb", monkeypatch) as program:
        yield program


@pytest.fixture
def google_adb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with private_adb("google", tmp_path / "adb", monkeypatch) as program:
        yield program


@pytest.fixture
def android(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Aarch64Userland, AdbStandin]]:
    """The device, with a disk of its own where the test asks for one."""
    userland = Aarch64Userland(tmp_path / "userland", disk=getattr(request, "param", ""))
    device = AdbStandin(userland)
    yield userland, device
    device.stop()
    userland.stop()


def _target(*overrides: str) -> Target:
    return load_target("android", None, ["device.runs=10", "device.warmup=2", *overrides])


@pytest.mark.slow
def test_aarch64_code_in_an_android_userland(
    google_adb: str, android: tuple[Aarch64Userland, AdbStandin], first: Pack, second: Pack
) -> None:
    """mksh and toybox run every script, the model's program is aarch64 code, and its bits are the reference's."""
    userland, phone = android
    root = userland.path("/data/local/tmp/edgepack")
    target = _target()
    with open_device(target, phone.serial) as device:
        facts = device.facts()
        assert (facts.abis[0], facts.sdk, facts.os, facts.soc) == ("arm64-v8a", 34, "Android 14", "qemu-user")
        assert (facts.battery, facts.thermal_status, facts.core_clocks[2]) == (85.0, 0, 2.4e9)
        assert device.stand_in and "emulated" in device.stand_in_reason
        deployment = deploy(first, device, target, SILENT)
        assert (deployment.engine, deployment.golden.inputs_differing, deployment.golden.tolerance) == ("c", 0, None)
        assert current_release(root, "conv") == first.id
        measured = measure(deployment, device, first, None, None, None, target, SILENT)
        latency = next(one for one in measured.measurements if one.quantity == "latency_p50")
        assert latency.method == "stand-in" and latency.value and latency.conditions["governor"] == "schedutil"
        assert deploy(second, device, target, SILENT).replaced == first.id
        assert current_release(root, "conv") == second.id
        assert rollback("conv", device, target, SILENT).release == first.id
        assert current_release(root, "conv") == first.id
        no_leftovers(root, "conv")


@pytest.mark.slow
@pytest.mark.parametrize("android", ["size=8m"], indirect=True)
def test_an_android_disk_that_is_full_or_read_only(
    google_adb: str, android: tuple[Aarch64Userland, AdbStandin], first: Pack, heavy: Pack
) -> None:
    userland, phone = android
    target = _target()
    with open_device(target, phone.serial) as device:
        with pytest.raises(DeviceError) as caught:
            deploy(heavy, device, target, SILENT)
        assert caught.value.code == "EP-510", caught.value
        userland.remount("ro")
        with pytest.raises(DeviceError) as caught:
            deploy(first, device, target, SILENT)
        assert caught.value.code == "EP-511", caught.value


@pytest.mark.slow
def test_a_device_from_before_android_7(adb: str, android: tuple[Aarch64Userland, AdbStandin], tmp_path: Path) -> None:
    """Without shell_v2 streams are mixed, input does not end and statuses are lost; files take their place."""
    userland, phone = android
    phone.configure(shell_v2=False)
    device = AdbDevice(phone.serial)
    completed = device.run(["sh", "-c", "cat; echo no >&2; exit 3"], timeout=60, stdin=b"a\r\n\0b")
    assert (completed.status, completed.stdout, completed.stderr) == (3, b"a\r\n\0b", b"no\n")
    content = os.urandom(1_200_000)
    (tmp_path / "file").write_bytes(content)
    device.put(tmp_path / "file", "/data/local/tmp/a folder/it's")
    assert (userland.path("/data/local/tmp/a folder") / "it's").read_bytes() == content
    assert [path.name for path in userland.path("/data/local/tmp").iterdir()] == ["a folder"], "nothing stays behind"
    with pytest.raises(DeviceError) as caught:
        device.run(["sleep", "60"], timeout=2)
    assert caught.value.code == "EP-508"


@pytest.fixture
def quick_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that answers at once, where dozens of deployments are made and the model's own is not what is tested."""
    golden = {"count": 8, "inputs_differing": 0, "max_difference": 0, "median_difference": 0, "argmax_moved": 0}
    script = tmp_path / "quick"
    script.write_text(f"#!/bin/sh\nprintf 'EDGEPACK-RESULT\\n%s\\nEDGEPACK-END\\n' '{json.dumps(golden)}'\n")
    monkeypatch.setattr(program_module, "build_program", lambda *_: script)
    return script


@pytest.fixture
def phone(tmp_path: Path) -> Iterator[AdbStandin]:
    device = AdbStandin(HostUserland(tmp_path / "phone"))
    yield device
    device.stop()


def _deploys(pack: Pack, phone: AdbStandin, target: Target, root: Path) -> None:
    with open_device(target, phone.serial) as device:
        deploy(pack, device, target, SILENT)
    assert current_release(root, "conv") == pack.id
    no_leftovers(root, "conv")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["drop_at_message", "drop_after_bytes"])
def test_a_link_cut_anywhere(
    google_adb: str, phone: AdbStandin, quick_program: Path, first: Pack, second: Pack, root: Path, kind: str
) -> None:
    """Cut at message boundaries and at random bytes (EDGEPACK_CUTS of each); the release is the old or the new one, whole."""
    target = _target(f"device.root={root}")
    _deploys(first, phone, target, root)
    phone.fail()
    _deploys(second, phone, target, root)
    messages, total = phone.traffic
    most = messages if kind == "drop_at_message" else total
    generator = random.Random(7)
    failures = 0
    for _ in range(CUTS):
        shutil.rmtree(root)
        _deploys(first, phone, target, root)
        phone.fail(**{kind: generator.randrange(most)})
        try:
            _deploys(second, phone, target, root)
        except DeviceError as error:
            failures += 1
            assert error.code in ("EP-509", "EP-541", "EP-543", "EP-544"), f"{error.code} {error}"
        phone.fail()
        assert current_release(root, "conv") in (first.id, second.id)
    assert failures > CUTS // 2
    _deploys(second, phone, target, root)


def test_a_phone_restarting_between_upload_and_switch(
    google_adb: str,
    phone: AdbStandin,
    quick_program: Path,
    first: Pack,
    second: Pack,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = _target(f"device.root={root}")
    _deploys(first, phone, target, root)
    build = program_module.build_program

    def restart(*arguments: object) -> Path:
        phone.drop()
        phone.vanish()
        return build(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(program_module, "build_program", restart)
    with pytest.raises(DeviceError):
        _deploys(second, phone, target, root)
    assert current_release(root, "conv") == first.id
    monkeypatch.setattr(program_module, "build_program", build)
    phone.reappear()
    _deploys(second, phone, target, root)


def test_exit_codes_that_are_lost_are_not_missed(
    adb: str, phone: AdbStandin, quick_program: Path, first: Pack, root: Path
) -> None:
    """adb 29 exits 0 when a device vanishes during a command: without its end marker nothing counts as done."""
    device = AdbDevice(phone.serial)
    phone.fail(drop_at_message=6)
    with pytest.raises(DeviceError) as caught:
        device.run(["sh", "-c", "sleep 1; echo done"], timeout=30)
    assert caught.value.code in ("EP-509", "EP-541", "EP-543")


def test_golden_vectors_that_differ_keep_the_release_away(
    google_adb: str, phone: AdbStandin, quick_program: Path, first: Pack, second: Pack, root: Path
) -> None:
    target = _target(f"device.root={root}")
    _deploys(first, phone, target, root)
    quick_program.write_text(quick_program.read_text().replace('"inputs_differing": 0', '"inputs_differing": 1'))
    with pytest.raises(DeviceError) as caught, open_device(target, phone.serial) as device:
        deploy(second, device, target, SILENT)
    assert caught.value.code == "EP-527" and current_release(root, "conv") == first.id


def test_engines_that_need_python_are_refused(
    google_adb: str, phone: AdbStandin, quick_program: Path, first: Pack, root: Path
) -> None:
    target = _target(f"device.root={root}", "device.engine=litert")
    with pytest.raises(DeviceError) as caught, open_device(target, phone.serial) as device:
        deploy(first, device, target, SILENT)
    assert caught.value.code == "EP-526"
