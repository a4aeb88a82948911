"""The device's program for this machine, under sanitizers, and images and updates for it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgepack.pack.deliveries.image.form import updater_files
from edgepack.pack.deliveries.image.format import Image, make_image, make_update
from edgepack.signing.sign import image_signature
from tests.standins.signing import NEW, OLD

HERE = Path(__file__).parent
CODED = Path(__file__).parents[2] / "flatbuffer" / "coded"
FIRST, BEFORE = (CODED / "clustered.tflite").read_bytes(), (CODED / "pruned.tflite").read_bytes()
NAME = "net"
SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
RESULTS = ("ok", "current", "no image", "flash", "damaged", "untrusted", "other model", "other base", "older", "too large")


def sign(content: bytes) -> bytes:
    """As the device's key signs."""
    return image_signature(OLD, content)


def sign_otherwise(content: bytes) -> bytes:
    """As a key signs that the device has not, under the number of its own."""
    return OLD.public.number + image_signature(NEW, content)[8:]


def tuned(model: bytes, share: float = 0.3) -> bytes:
    """The model after a little training: some weights changed by one or two."""
    rng = np.random.default_rng(1)
    values = np.frombuffer(model, np.uint8).copy()
    changed = rng.random(values.size) < share
    changed[:2000] = False
    values[changed] += rng.integers(-2, 3, int(changed.sum())).astype(np.uint8)
    return values.tobytes()


@dataclass(frozen=True)
class Release:
    """An image and the updates that bring it: whole, and from the release before."""

    image: Image
    whole: bytes
    patch: bytes | None


def release(content: bytes, version: int, base: Release | None = None, name: str = NAME) -> Release:
    """A signed release."""
    image = make_image(content, content, name, version, sign)
    patch = None if base is None else make_update(image, base.image, sign)[0]
    return Release(image, make_update(image, None, sign)[0], patch)


def device_sources(folder: Path) -> Path:
    """The updater as it is delivered, and the device, in a folder."""
    for name, text in updater_files(NAME, OLD.public.number, OLD.public.key).items():
        (folder / name).write_bytes(text)
    for source in ("device.c", "device.h"):
        shutil.copy(HERE / source, folder)
    return folder


def host_device(folder: Path, flags: tuple[str, ...] = SANITIZED) -> Path:
    """The program `device` of main_host.c."""
    device_sources(folder)
    shutil.copy(HERE / "main_host.c", folder)
    warnings = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-sign-conversion", "-Werror")
    command = ["gcc", "-std=c99", *warnings, *flags, *map(str, sorted(folder.glob("*.c"))), "-o", str(folder / "device")]
    subprocess.run(command, check=True)
    return folder / "device"


class Device:
    """The program, with how its flash is made and the updates in files."""

    def __init__(self, program: Path, page: int = 2048, granule: int = 8, slot: int = 16 << 10) -> None:
        self._program, self._sizes = program, (page, granule, slot)
        key = program.parent / "key.bin"
        key.write_bytes(OLD.public.number + OLD.public.key)

    def file(self, content: bytes) -> str:
        """A file that holds this."""
        import hashlib

        path = self._program.parent / hashlib.sha256(content).hexdigest()[:16]
        path.write_bytes(content)
        return str(path)

    def run(self, *commands: tuple[str | bytes | int, ...], name: str = NAME) -> list[str]:
        """What each command printed."""
        words = [self.file(word) if isinstance(word, bytes) else str(word) for command in commands for word in command]
        sizes = map(str, self._sizes)
        command = [str(self._program), *sizes, name, str(self._program.parent / "key.bin"), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
        assert done.returncode == 0, done.stderr[:3000]
        return done.stdout.splitlines()
