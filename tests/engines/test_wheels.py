"""Which runtime fits which device, and bringing it there."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.ssh import SshDevice
from edgepack.engines import wheels
from edgepack.engines.brought_along import brought_along
from edgepack.engines.pins import PINS, pinned
from edgepack.engines.wheels import (
    Platform,
    cache_folder,
    fetch_wheels,
    library_for,
    numpy_for,
    platform_of,
    platform_tags,
    requirements,
)
from edgepack.ground.errors import DeviceError, ToolError
from edgepack.ground.files import hash_of
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target
from edgepack.releases.deploy import deploy
from edgepack.workers.process import Finished
from tests.standins.releases import current_release

Targets = Callable[..., Target]

BOOKWORM = Platform((3, 11), "aarch64", 36)
BULLSEYE = Platform((3, 9), "aarch64", 31)


@pytest.mark.parametrize(
    ("engine", "platform", "numpy", "expected"),
    [
        ("litert", BOOKWORM, None, ("ai-edge-litert==2.3.0", "numpy==1.26.4")),
        ("litert", BOOKWORM, "1.24.2", ("ai-edge-litert==2.3.0",)),
        ("litert", Platform((3, 10), "aarch64", 31), "1.24.2", ("ai-edge-litert==1.4.0",)),
        ("litert", Platform((3, 13), "aarch64", 41), None, ("ai-edge-litert==2.3.0", "numpy==2.3.5")),
        ("tflite", BULLSEYE, "1.19.5", ("tflite-runtime==2.14.0",)),
        ("tflite", BOOKWORM, "2.1.0", ("tflite-runtime==2.14.0", "numpy==1.26.4")),
        ("tflite-ref", Platform((3, 9), "armv7l", 31), "1.19.5", ("tflite-runtime==2.14.0",)),
    ],
)
def test_the_versions_measured_to_work_are_asked_for(
    engine: str, platform: Platform, numpy: str | None, expected: tuple[str, ...]
) -> None:
    assert requirements(engine, platform, numpy) == expected


@pytest.mark.parametrize(
    ("engine", "platform", "reason"),
    [
        ("litert", Platform((3, 9), "armv7l", 31), "64-bit"),
        ("litert", Platform((3, 8), "aarch64", 31), "Python 3.9 to 3.14"),
        ("litert", Platform((3, 13), "aarch64", 31), "glibc 2.34 for this Python"),
        ("litert", Platform((3, 10), "aarch64", 28), "glibc 2.30"),
        ("tflite", Platform((3, 13), "aarch64", 41), "3.9 to 3.11"),
        ("litert", Platform((3, 11), "aarch64", None), "glibc"),
        ("tflite", Platform((3, 9), "armv7l", 28), "glibc 2.29"),
        ("tflite", Platform((3, 9), "armv7l", 31), "no wheels for 32-bit"),
    ],
)
def test_where_nothing_fits_the_reason_is_told(engine: str, platform: Platform, reason: str) -> None:
    with pytest.raises(DeviceError) as caught:
        requirements(engine, platform, None)
    assert caught.value.code == "EP-516" and reason in str(caught.value) and "\n" not in str(caught.value)


# What `engine = "auto"` brings to a device with nothing of its own but numpy, by machine, Python 3.9 to 3.13 and glibc:
# L2 ai-edge-litert 2.3.0, L1 ai-edge-litert 1.4.0, T tflite-runtime, C the runner in C, - nothing.
DECISIONS = {
    ("aarch64", 28): "- - - - -",
    ("aarch64", 30): "L1 L1 L1 L1 C",
    ("aarch64", 31): "L1 L1 L1 L1 C",
    ("aarch64", 34): "L1 L2 L2 L2 L2",
    ("aarch64", 36): "L1 L2 L2 L2 L2",
    ("armv7l", 28): "- - - - -",
    ("armv7l", 31): "T T T - -",
    ("armv7l", 36): "T T T C C",
    ("x86_64", 31): "L1 L1 L1 L1 -",
    ("x86_64", 36): "L1 L2 L2 L2 L2",
    ("riscv64", 36): "- - - - -",
    ("aarch64", None): "- - - - -",
}
_NAMES = {"L2": "ai-edge-litert==2.3.0", "L1": "ai-edge-litert==1.4.0", "T": "tflite-runtime==2.14.0", "C": "C", "-": "-"}


def _decided(platform: Platform) -> str:
    for engine in ("litert", "tflite"):
        try:
            return requirements(engine, platform, "1.26.4")[0]
        except DeviceError:
            continue
    try:
        library_for(platform)
    except DeviceError as error:
        assert error.code == "EP-516" and platform.machine in str(error) and "engine c" in error.hint
        return "-"
    return "C"


@pytest.mark.parametrize(("machine", "glibc"), DECISIONS)
def test_every_device_gets_the_right_runtime_or_a_clear_answer(machine: str, glibc: int | None) -> None:
    found = [_decided(Platform((3, minor), machine, glibc)) for minor in range(9, 14)]
    assert found == [_NAMES[short] for short in DECISIONS[machine, glibc].split()]


@pytest.mark.slow
def test_the_index_has_exactly_the_wheels_of_the_table() -> None:
    """pip resolves each row without downloading: at both ends of its Pythons there is a wheel, and beyond there is none."""
    for row in wheels.RUNTIMES:
        (_, first), (_, last) = row.pythons
        for minor, there in ((first, True), (last, True), (last + 1, False)):
            machines = row.machines if there and minor == last else row.machines[:1]
            for machine in machines:
                assert _in_index(row.requirement, minor, machine) == there, f"{row.requirement} for 3.{minor} on {machine}"
    for library in wheels.LIBRARIES:
        for machine in library.machines:
            assert _in_index(library.requirement, 11, machine), f"{library.requirement} on {machine}"
    assert not _in_index("ai-edge-litert==2.3.0", 11, "armv7l")


def _in_index(requirement: str, minor: int, machine: str) -> bool:
    tags = platform_tags(Platform((3, minor), machine, 41))
    command = [
        sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", f"3.{minor}", "--ignore-installed",
        "--target", "unused", *(word for tag in tags for word in ("--platform", tag)), requirement,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode and "No matching distribution" not in done.stderr:
        pytest.skip(f"the index cannot be asked here: {done.stderr.strip()[-200:]}")
    if done.returncode and "from versions: none" in done.stderr and "WARNING: Retrying" in done.stderr:
        pytest.skip("the index cannot be reached here")
    return done.returncode == 0


def test_a_32_bit_system_on_a_64_bit_kernel_is_32_bit() -> None:
    probe = {"python": "3.9.2", "machine": "aarch64", "bits": 32, "libc": ["glibc", "2.31"]}
    assert platform_of(probe) == Platform((3, 9), "armv7l", 31)
    assert platform_of({**probe, "bits": 64}) == BULLSEYE
    assert platform_of({**probe, "libc": ["", ""]}).glibc is None


def test_the_tags_cover_those_of_published_wheels() -> None:
    tags = set(platform_tags(BOOKWORM))
    for published in ("manylinux_2_17_aarch64.manylinux2014_aarch64", "manylinux_2_34_aarch64", "manylinux_2_27_aarch64"):
        assert tags & set(published.split("."))
    assert "manylinux_2_37_aarch64" not in tags and "manylinux_2_17_x86_64" not in tags


def test_the_tags_of_this_machine_are_those_pip_accepts() -> None:
    """Compared with packaging, whose list pip uses."""
    import platform

    from packaging.tags import sys_tags

    name, version = platform.libc_ver()
    if name != "glibc":
        pytest.skip("this machine has no glibc")
    machine = sysconfig.get_platform().split("-", 1)[1].replace("-", "_")
    ours = set(platform_tags(Platform(sys.version_info[:2], machine, int(version.split(".")[1]))))
    theirs = {tag.platform for tag in sys_tags() if "linux" in tag.platform}
    assert ours == theirs


def _pip(monkeypatch: pytest.MonkeyPatch, said: str) -> list[list[str]]:
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> Finished:
        calls.append(command)
        return Finished(1, b"", said.encode())

    monkeypatch.setattr(wheels, "run_process", run)
    return calls


@pytest.mark.parametrize(
    ("said", "code", "kind"),
    [
        ("No module named pip", "EP-683", ToolError),
        (
            "ERROR: Could not find a version (from versions: 1.1, 1.2)\nERROR: No matching distribution found",
            "EP-516",
            DeviceError,
        ),
        ("ERROR: Could not find a version (from versions: none)\nERROR: No matching distribution found", "EP-525", DeviceError),
        ("ERROR: Max retries exceeded: Temporary failure in name resolution", "EP-525", DeviceError),
    ],
)
def test_what_pip_says_is_told_apart(
    said: str, code: str, kind: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    _pip(monkeypatch, said)
    with pytest.raises(kind) as caught:
        fetch_wheels(("ai-edge-litert==2.3.0",), BOOKWORM)
    assert getattr(caught.value, "code", None) == code
    assert list((tmp_path / "edgepack" / "wheels").iterdir()) == [], "a failed download may not look like a finished one"


def test_another_platform_is_asked_for_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls = _pip(monkeypatch, "x")
    with pytest.raises(DeviceError):
        fetch_wheels(("ai-edge-litert==2.3.0",), BOOKWORM)
    assert "--only-binary=:all:" in calls[0] and "manylinux_2_36_aarch64" in calls[0]
    assert calls[0][calls[0].index("--python-version") + 1] == "3.11"


def _forged(folder: Path, file: str) -> None:
    """A wheel of that name that no index has."""
    name, version = file.split("-")[:2]
    with zipfile.ZipFile(folder / file, "w") as wheel:
        wheel.writestr(f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip's index has a file of the right name with other content: nothing of it is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (index := tmp_path / "index").mkdir()
    (file,) = (file for file in pinned("ai-edge-litert==2.3.0") if "cp311" in file and "aarch64" in file)
    _forged(index, file)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    with pytest.raises(ToolError) as caught:
        fetch_wheels(("ai-edge-litert==2.3.0",), BOOKWORM)
    assert caught.value.code == "EP-685" and "ai-edge-litert==2.3.0" in str(caught.value)
    assert list(cache_folder().iterdir()) == []


def test_a_kept_wheel_that_was_exchanged_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    platform = Platform((3, 11), "aarch64", 36)
    (file,) = (file for file in pinned("tflite-runtime==2.14.0") if "cp311" in file and "aarch64" in file)
    folder = cache_folder() / hash_of([("tflite-runtime==2.14.0",), str(platform)])[:24]
    folder.mkdir(parents=True)
    _forged(folder, file)
    calls = _pip(monkeypatch, "ERROR: Temporary failure in name resolution")
    with pytest.raises(DeviceError) as caught:
        fetch_wheels(("tflite-runtime==2.14.0",), platform)
    assert caught.value.code == "EP-525" and len(calls) == 1


def test_every_wheel_that_can_be_asked_for_is_pinned() -> None:
    """For each row of the tables, each Python and each machine; and nothing is pinned that no row asks for."""
    used = set()
    for row in wheels.RUNTIMES:
        (_, first), (_, last) = row.pythons
        for minor in range(first, last + 1):
            for machine in row.machines:
                for requirement in (row.requirement, *([numpy_for((3, minor))] if machine != "armv7l" else [])):
                    tags = platform_tags(Platform((3, minor), machine, 41))
                    found = [file for file in pinned(requirement) if f"-cp3{minor}-cp3{minor}-" in file]
                    fitting = [file for file in found if set(file[:-4].rpartition("-")[2].split(".")) & set(tags)]
                    assert len(fitting) == 1, (requirement, minor, machine)
                    used.update(fitting)
    for library in wheels.LIBRARIES:
        for machine in library.machines:
            fitting = [file for file in pinned(library.requirement) if file.endswith(f"_{machine}.whl")]
            assert fitting, (library, machine)
            used.update(fitting)
    assert used == {line.split()[1] for line in PINS.read_text().splitlines()}


@pytest.mark.parametrize(
    ("engine", "names"),
    [
        ("auto", {"ai-edge-litert", "tflite-runtime", "numpy", "pymicro-wakeword"}),
        ("litert-ref", {"ai-edge-litert", "numpy"}),
        ("tflite", {"tflite-runtime", "numpy"}),
        ("tflite-c-builtin", {"pymicro-wakeword", "ai-edge-litert"}),
        ("c", set()),
    ],
)
def test_what_may_go_along_is_known_with_its_digests(engine: str, names: set[str]) -> None:
    found = brought_along(engine)
    assert {requirement.partition("==")[0] for requirement in found} == names
    assert all(files and all(len(digest) == 64 for digest in files.values()) for files in found.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "platform", "numpy"),
    [
        ("litert", BOOKWORM, None),
        ("litert", Platform((3, 10), "aarch64", 31), None),
        ("litert", Platform((3, 13), "aarch64", 41), None),
        ("tflite", BULLSEYE, None),
        ("tflite", Platform((3, 9), "armv7l", 31), "1.19.5"),
    ],
)
def test_wheels_exist_for_the_pis_systems(engine: str, platform: Platform, numpy: str | None) -> None:
    try:
        found = fetch_wheels(requirements(engine, platform, numpy), platform)
    except DeviceError as error:
        if error.code == "EP-525":
            pytest.skip(f"wheels cannot be downloaded here: {error}")
        raise
    tag = f"cp{platform.python[0]}{platform.python[1]}"
    assert all(tag in file.name and file.name.endswith(f"_{platform.machine}.whl") for file in found.files)


def test_where_no_engine_fits_every_reason_is_told(
    local: LocalDevice, first: Pack, target: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python that says it is 3.8, whose runtimes cannot be imported, on a machine for which there is no library either."""
    monkeypatch.setattr(wheels, "LIBRARIES", ())
    python = tmp_path / "old-python"
    answer = (
        '{"python": "3.8.18", "machine": "aarch64", "bits": 64, "libc": ["glibc", "2.31"], "packages": {"numpy": {"error": "x"}, '
    )
    answer += '"ai_edge_litert": {"error": "x"}, "tflite_runtime": {"error": "x"}}}'
    python.write_text(f"#!/bin/sh\nprintf '%s\\n' EDGEPACK-RESULT '{answer}' EDGEPACK-END\n")
    python.chmod(0o755)
    with pytest.raises(DeviceError) as caught:
        deploy(first, local, target(f"device.python={python}", "device.engine=auto"), SilentProgress())
    assert caught.value.code == "EP-516"
    assert "without Python: no TensorFlow Lite library fits" in str(caught.value)
    assert "Python 3.9 to 3.14" in str(caught.value) and "Python 3.9 to 3.11" in str(caught.value)


@pytest.mark.slow
def test_a_bare_device_gets_its_runtime_from_the_host(
    ssh_device: SshDevice, first: Pack, root: Path, target: Targets, tmp_path: Path
) -> None:
    """A Python without any package: wheels are fetched, unpacked there and used; a second deployment brings nothing."""
    python = tmp_path / "bare-python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(python)], check=True)
    bare = target(f"device.python={python / 'bin' / 'python'}")
    try:
        deployment = deploy(first, ssh_device, bare, SilentProgress())
    except DeviceError as error:
        if error.code == "EP-525":
            pytest.skip(f"wheels cannot be downloaded here: {error}")
        raise
    assert "brought along: ai-edge-litert 2.3.0" in deployment.runner.runtime and current_release(root, "conv") == first.id
    runtimes = [path for path in (root / ".runtimes").iterdir() if path.is_dir()]
    assert len(runtimes) == 1 and (runtimes[0] / "ai_edge_litert").is_dir() and (runtimes[0] / "numpy").is_dir()
    assert not list(runtimes[0].rglob("*.whl"))
    inode = runtimes[0].stat().st_ino
    deploy(first, ssh_device, bare, SilentProgress())
    assert [path.stat().st_ino for path in (root / ".runtimes").iterdir()] == [inode]


def test_an_engine_that_cannot_run_there_is_named(local: LocalDevice, first: Pack, target: Targets) -> None:
    with pytest.raises(DeviceError) as caught:
        deploy(first, local, replace(target(), device=replace(target().device, engine="nnapi")), SilentProgress())
    assert caught.value.code == "EP-526"
