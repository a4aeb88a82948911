"""Inference runtimes for devices without one: wheels fetched on the host for the device's Python and processor.

`RUNTIMES` and `LIBRARIES` are the table of decisions: what exists, and what it needs. The floors of glibc are those of the
symbols that the files use, which the wheels' tags do not always tell: ai-edge-litert 2.3.0 needs 2.34 and is tagged for less,
tflite-runtime's Arm wheels are tagged for 2.34 and need 2.27 (2.29 for x86-64).
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgepack.engines.errors import NoRuntime
from edgepack.engines.pins import pinned
from edgepack.ground.errors import ToolError
from edgepack.ground.files import atomic_folder, hash_of, sha256_file
from edgepack.ground.scratch import scratch_folder
from edgepack.ground.user_cache import user_cache
from edgepack.workers.process import MOST_WORDS, run_process

_TAGS = {"tflite-runtime": 34, "pymicro-wakeword": 35}  # tagged for a newer glibc than they need
_64_BIT = ("aarch64", "x86_64")


@dataclass(frozen=True)
class Runtime:
    """A runtime in a wheel: for which machines, Pythons (first to last) and minor glibc from which on it works."""

    engine: str
    requirement: str
    machines: tuple[str, ...]
    pythons: tuple[tuple[int, int], tuple[int, int]]
    glibc: int

    @property
    def package(self) -> str:
        """The package's name."""
        return self.requirement.partition("==")[0]


@dataclass(frozen=True)
class Library:
    """TensorFlow Lite's C API in a wheel, which needs no Python; `file` is its path inside."""

    requirement: str
    file: str
    machines: tuple[str, ...]
    glibc: int


# The first row of an engine that fits is taken.
RUNTIMES = (
    Runtime("litert", "ai-edge-litert==2.3.0", _64_BIT, ((3, 10), (3, 14)), 34),
    Runtime("litert", "ai-edge-litert==1.4.0", _64_BIT, ((3, 9), (3, 12)), 30),
    Runtime("tflite", "tflite-runtime==2.14.0", ("aarch64", "armv7l", "x86_64"), ((3, 9), (3, 11)), 29),
)
LIBRARIES = (
    Library("pymicro-wakeword==2.5.0", "pymicro_wakeword/lib/libtensorflowlite_c.so", ("aarch64", "armv7l", "x86_64"), 34),
    Library("ai-edge-litert==1.4.0", "ai_edge_litert/libLiteRtRuntimeCApi.so", ("aarch64",), 30),
)


@dataclass(frozen=True)
class Platform:
    """What decides which wheels fit: the Python's version, the processor as wheels name it, and the minor glibc version."""

    python: tuple[int, int]
    machine: str
    glibc: int | None

    def __str__(self) -> str:
        return f"Python {self.python[0]}.{self.python[1]} on {self.machine} with {_libc(self)}"


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
    machine = machine_name(probe["machine"])
    if probe["bits"] == 32:  # a 32-bit system on a 64-bit kernel
        machine = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}.get(machine, machine)
    return Platform((major, minor), machine, minor_glibc(" ".join(probe["libc"])))


def machine_name(text: str) -> str:
    """A processor as wheels name it.

    >>> machine_name("arm64"), machine_name("armeabi-v7a"), machine_name("AMD64")
    ('aarch64', 'armv7l', 'x86_64')
    """
    name = text.lower()
    return {"arm64": "aarch64", "arm64-v8a": "aarch64", "armeabi-v7a": "armv7l", "amd64": "x86_64"}.get(name, name)


def minor_glibc(text: str) -> int | None:
    """The 36 of "glibc 2.36", as getconf GNU_LIBC_VERSION and Python tell it; None for another C library."""
    match = re.fullmatch(r"glibc 2\.(\d+).*", text.strip())
    return int(match.group(1)) if match else None


def _libc(platform: Platform) -> str:
    return f"glibc 2.{platform.glibc}" if platform.glibc is not None else "a C library other than glibc"


def requirements(engine: str, platform: Platform, numpy: str | None) -> tuple[str, ...]:
    """What pip is asked for to run `engine`; `numpy` is the version the device has.

    Raises:
        DeviceError: EP-516 when no wheel of that runtime fits the platform, with the reason.
    """
    kind = engine.partition("-")[0]
    rows = [row for row in RUNTIMES if row.engine == kind]
    found = next((row for row in rows if _fits(row, platform)), None)
    if found is None:
        raise _unfit(engine, platform, _why_not(rows, platform))
    runtime = found.requirement
    numpy_fits = numpy is not None and (kind == "litert" or not numpy.startswith("2."))
    if numpy_fits:
        return (runtime,)
    if platform.machine not in ("aarch64", "x86_64"):
        raise NoRuntime(
            "EP-516",
            f"no numpy fits {platform}: it has no wheels for 32-bit processors",
            "install it on the device: sudo apt-get install python3-numpy; engine tflite-c needs no Python at all",
        )
    return (runtime, numpy_for(platform.python))


def numpy_for(python: tuple[int, int]) -> str:
    """The numpy that goes along with a runtime where a device has none that fits."""
    return "numpy==1.26.4" if python <= (3, 12) else "numpy==2.3.5"


def library_for(platform: Platform) -> Library:
    """The TensorFlow Lite library for a machine and glibc; its Python does not matter.

    Raises:
        DeviceError: EP-516 when there is none, with the reason.
    """
    for row in LIBRARIES:
        if platform.machine in row.machines and platform.glibc is not None and platform.glibc >= row.glibc:
            return row
    libc = "glibc 2.30 or later on aarch64, 2.34 on armv7l and x86_64"
    raise NoRuntime(
        "EP-516",
        f"no TensorFlow Lite library fits {platform.machine} with {_libc(platform)}: those that can be fetched need {libc}",
        "set [device] library to one of your own, or use engine c, which needs none",
    )


def _fits(row: Runtime, platform: Platform) -> bool:
    first, last = row.pythons
    right = platform.machine in row.machines and first <= platform.python <= last
    return right and platform.glibc is not None and platform.glibc >= row.glibc


def _why_not(rows: list[Runtime], platform: Platform) -> str:
    """In words, what keeps the rows from fitting."""
    package = rows[0].package
    if platform.glibc is None:
        return "the wheels need glibc"
    machines = {machine for row in rows for machine in row.machines}
    if platform.machine not in machines:
        bits = "64-bit processors only" if machines == set(_64_BIT) else ", ".join(sorted(machines))
        return f"{package} exists for {bits}"
    right = [row for row in rows if row.pythons[0] <= platform.python <= row.pythons[1]]
    if not right:
        first, last = min(row.pythons[0] for row in rows), max(row.pythons[1] for row in rows)
        return f"{package} exists for Python {first[0]}.{first[1]} to {last[0]}.{last[1]}"
    return f"{package} needs glibc 2.{min(row.glibc for row in right)} for this Python"


def _unfit(engine: str, platform: Platform, reason: str) -> NoRuntime:
    return NoRuntime(
        "EP-516",
        f"no {engine} runtime fits {platform}: {reason}",
        "use engine tflite-c or c, which need no Python, or install ai-edge-litert or tflite-runtime on the device yourself",
    )


def fetch_wheels(wanted: tuple[str, ...], platform: Platform) -> Wheels:
    """The wheels for `wanted` on `platform`, from the host's cache or, the first time, by `pip download`.

    Raises:
        ToolError: EP-683 when pip is missing, EP-685 when the index has another file than the pinned one.
        DeviceError: EP-516 when there is no such wheel, EP-525 when it cannot be downloaded.
    """
    folder = cache_folder() / hash_of([wanted, str(platform)])[:24]
    if not _as_pinned(folder, wanted):
        try:
            with atomic_folder(folder, private=True) as temporary:
                for requirement in wanted:
                    _download(requirement, platform, temporary)
                if not _as_pinned(temporary, wanted):
                    raise _other_file(" and ".join(wanted))
        except OSError as error:
            raise _undownloaded(" and ".join(wanted), f"{folder.parent} cannot be written: {error.strerror}") from error
    files = tuple(sorted(folder.glob("*.whl")))
    digest = hash_of([[file.name, sha256_file(file)] for file in files])
    return Wheels(files, digest, sum(_unpacked(file) for file in files), ", ".join(_title(file) for file in files))


def _as_pinned(folder: Path, wanted: tuple[str, ...]) -> bool:
    """Whether `folder` holds a wheel of each requirement, and they are the pinned ones."""
    known = {file: digest for requirement in wanted for file, digest in pinned(requirement).items()}
    found = list(folder.glob("*.whl"))
    return len(found) == len(wanted) and all(sha256_file(file) == known.get(file.name) for file in found)


def cache_folder() -> Path:
    """Where downloaded wheels are kept."""
    return user_cache().absolute() / "wheels"


def _download(requirement: str, platform: Platform, folder: Path) -> None:
    with scratch_folder("edgepack-pins-") as work:
        hashes = " ".join(f"--hash=sha256:{digest}" for digest in sorted(pinned(requirement).values()))
        pins = Path(work) / "pins.txt"
        pins.write_text(f"{requirement} {hashes}\n")
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
            *pip_selection(requirement, platform), "--dest", str(folder), "--require-hashes", "--requirement", str(pins),
        ]  # fmt: skip
        completed = run_process(command, timeout=1800, kill_group=True, most=MOST_WORDS)
    if completed.status is None:
        raise _undownloaded(requirement, "it took longer than half an hour")
    if completed.status == 0:
        return
    said = completed.errors
    if "No module named pip" in said:
        raise ToolError("EP-683", "pip is not installed beside edgepack", "python -m ensurepip, or install python3-pip")
    if "No matching distribution" in said and "from versions: none" not in said:
        raise NoRuntime(
            "EP-516", f"there is no wheel of {requirement} for {platform}", "install the runtime on the device yourself"
        )
    if "DO NOT MATCH THE HASHES" in said:
        raise _other_file(requirement)
    lines = [line for line in said.splitlines() if line.strip()]
    raise _undownloaded(requirement, lines[-1][:200] if lines else "pip gave no reason")


def _other_file(requirement: str) -> ToolError:
    return ToolError(
        "EP-685",
        f"{requirement} is another file than the one that was pinned: its SHA-256 is not in edgepack's list",
        "ask who runs the index that pip is set up for; with the usual one, try again on another network",
    )


def _undownloaded(requirement: str, reason: str) -> NoRuntime:
    return NoRuntime(
        "EP-525",
        f"the runtime {requirement} cannot be downloaded: {reason}",
        "connect this machine to the internet once, or install ai-edge-litert on the device yourself",
    )


def pip_selection(requirement: str, platform: Platform) -> list[str]:
    """pip's options that make it look for the wheel of a requirement for `platform`, and nothing else."""
    tags = platform_tags(platform, _TAGS.get(requirement.partition("==")[0], 0))
    return [
        "--no-deps", "--only-binary=:all:", "--implementation", "cp",
        "--python-version", f"{platform.python[0]}.{platform.python[1]}",
        *(word for tag in tags for word in ("--platform", tag)),
    ]  # fmt: skip


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
