"""Inference runtimes for devices without one: wheels fetched on the host for the device's Python and processor.

The versions are those measured to work: ai-edge-litert 2.3.0 needs glibc 2.34 whatever its wheel's tag says, 1.4.0 needs
2.30; neither exists for 32-bit ARM. tflite-runtime 2.14.0 exists for Python 3.9 to 3.11 and needs numpy below 2; its ARM
wheels are tagged for glibc 2.34, but the symbols they use are of 2.27 (2.29 for x86-64), so older systems get them too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.errors import DeviceError, ToolError
from edgepack.files import atomic_folder, hash_of, sha256_file

_TFLITE_GLIBC, _TFLITE_TAG = 29, 34


@dataclass(frozen=True)
class Platform:
    """What decides which wheels fit: the Python's version, the processor as wheels name it, and the minor glibc version."""

    python: tuple[int, int]
    machine: str
    glibc: int | None

    def __str__(self) -> str:
        libc = f"glibc 2.{self.glibc}" if self.glibc is not None else "a C library other than glibc"
        return f"Python {self.python[0]}.{self.python[1]} on {self.machine} with {libc}"


@dataclass(frozen=True)
class Wheels:
    """A runtime as wheel files; `unpacked` is their size in bytes once extracted, `title` names what is in it."""

    files: tuple[Path, ...]
    sha256: str
    unpacked: int
    title: str


def platform_of(probe: dict[str, Any]) -> Platform:
    """The platform behind a runner's `probe` result."""
    major, minor = (int(part) for part in probe["python"].split(".")[:2])
    machine = {"arm64": "aarch64", "amd64": "x86_64"}.get(probe["machine"].lower(), probe["machine"].lower())
    if probe["bits"] == 32:  # a 32-bit system on a 64-bit kernel
        machine = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}.get(machine, machine)
    name, version = (*probe["libc"], "", "")[:2]
    match = re.fullmatch(r"2\.(\d+).*", version) if name == "glibc" else None
    return Platform((major, minor), machine, int(match.group(1)) if match else None)


def requirements(engine: str, platform: Platform, numpy: str | None) -> tuple[str, ...]:
    """What pip is asked for to run `engine`; `numpy` is the version the device has.

    Raises:
        DeviceError: EP-516 when no wheel of that runtime fits the platform, with the reason.
    """
    if platform.glibc is None:
        raise _unfit(engine, platform, "the wheels need glibc")
    if engine.startswith("tflite"):
        if not (3, 9) <= platform.python <= (3, 11):
            raise _unfit(engine, platform, "tflite-runtime exists for Python 3.9 to 3.11")
        if platform.glibc < _TFLITE_GLIBC:
            raise _unfit(engine, platform, f"tflite-runtime needs glibc 2.{_TFLITE_GLIBC}")
        runtime = "tflite-runtime==2.14.0"
        numpy_fits = numpy is not None and not numpy.startswith("2.")
    else:
        if platform.machine not in ("aarch64", "x86_64"):
            raise _unfit(engine, platform, "ai-edge-litert exists for 64-bit processors only")
        if platform.python < (3, 10):
            raise _unfit(engine, platform, "ai-edge-litert needs Python 3.10")
        if platform.glibc < 30:
            raise _unfit(engine, platform, "ai-edge-litert needs glibc 2.30")
        runtime = "ai-edge-litert==2.3.0" if platform.glibc >= 34 else "ai-edge-litert==1.4.0"
        numpy_fits = numpy is not None
    if numpy_fits:
        return (runtime,)
    if platform.machine not in ("aarch64", "x86_64"):
        raise DeviceError(
            "EP-516",
            f"no numpy fits {platform}: it has no wheels for 32-bit processors",
            "install it on the device: sudo apt-get install python3-numpy",
        )
    return (runtime, "numpy==1.26.4" if platform.python <= (3, 12) else "numpy>=2.1,<3")


def _unfit(engine: str, platform: Platform, reason: str) -> DeviceError:
    return DeviceError(
        "EP-516",
        f"no {engine} runtime fits {platform}: {reason}",
        "install ai-edge-litert or tflite-runtime on the device yourself, or use another system image",
    )


def fetch_wheels(wanted: tuple[str, ...], platform: Platform) -> Wheels:
    """The wheels for `wanted` on `platform`, from the host's cache or, the first time, by `pip download`.

    Raises:
        ToolError: EP-683 when pip is missing.
        DeviceError: EP-516 when there is no such wheel, EP-525 when it cannot be downloaded.
    """
    key = hash_of([wanted, str(platform)])[:24]
    folder = cache_folder() / key
    if not folder.is_dir():
        try:
            with atomic_folder(folder) as temporary:
                for requirement in wanted:
                    _download(requirement, platform, temporary)
        except OSError as error:
            raise _undownloaded(" and ".join(wanted), f"{folder.parent} cannot be written: {error.strerror}") from error
    files = tuple(sorted(folder.glob("*.whl")))
    digest = hash_of([[file.name, sha256_file(file)] for file in files])
    return Wheels(files, digest, sum(_unpacked(file) for file in files), ", ".join(_title(file) for file in files))


def cache_folder() -> Path:
    """Where downloaded wheels are kept: $XDG_CACHE_HOME/edgepack/wheels."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).absolute() / "edgepack" / "wheels"


def _download(requirement: str, platform: Platform, folder: Path) -> None:
    tags = platform_tags(platform, _TFLITE_TAG if requirement.startswith("tflite-runtime") else 0)
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", f"{platform.python[0]}.{platform.python[1]}",
        *(word for tag in tags for word in ("--platform", tag)),
        "--dest", str(folder), requirement,
    ]  # fmt: skip
    try:
        completed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=1800)
    except subprocess.TimeoutExpired as error:
        raise _undownloaded(requirement, "it took longer than half an hour") from error
    if completed.returncode == 0:
        return
    said = completed.stderr.decode("utf-8", "replace")
    if "No module named pip" in said:
        raise ToolError("EP-683", "pip is not installed beside edgepack", "python -m ensurepip, or install python3-pip")
    if "No matching distribution" in said and "from versions: none" not in said:
        raise DeviceError(
            "EP-516", f"there is no wheel of {requirement} for {platform}", "install the runtime on the device yourself"
        )
    lines = [line for line in said.splitlines() if line.strip()]
    raise _undownloaded(requirement, lines[-1][:200] if lines else "pip gave no reason")


def _undownloaded(requirement: str, reason: str) -> DeviceError:
    return DeviceError(
        "EP-525",
        f"the runtime {requirement} cannot be downloaded: {reason}",
        "connect this machine to the internet once, or install ai-edge-litert on the device yourself",
    )


def platform_tags(platform: Platform, at_least: int = 0) -> list[str]:
    """The wheel tags a device accepts, newest glibc first; pip does not derive the older manylinux_2_x from the newest.

    `at_least` adds tags up to that minor version of glibc, for wheels whose tag asks for more than they need.
    """
    assert platform.glibc is not None
    tags = [f"manylinux_2_{minor}_{platform.machine}" for minor in range(max(platform.glibc, at_least), 4, -1)]
    return [*tags, *(f"{name}_{platform.machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux"))]


def _unpacked(wheel: Path) -> int:
    import zipfile

    with zipfile.ZipFile(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _title(wheel: Path) -> str:
    name, version = wheel.name.split("-")[:2]
    return f"{name.replace('_', '-')} {version}"
