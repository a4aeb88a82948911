"""Only what changed inside a file travels, where the device and this machine have the one before; else the whole file."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bsdiff4
import pytest

from edgepack.devices.ssh import SshDevice
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target
from edgepack.releases import delta
from edgepack.releases.deploy import deploy
from tests.standins.packs import conv_pack
from tests.standins.releases import current_release, no_leftovers

Targets = Callable[..., Target]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEPACK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sent"


def edited(content: bytes, drawn: random.Random, edits: int) -> bytes:
    """The content with bytes changed, inserted, removed and moved."""
    made = bytearray(content)
    for _ in range(edits):
        at, count = drawn.randrange(len(made) + 1), drawn.randrange(200)
        kind = drawn.randrange(4)
        if kind == 0:
            made[at : at + count] = bytes((byte + 1) % 256 for byte in made[at : at + count])
        elif kind == 1:
            made[at:at] = drawn.randbytes(count)
        elif kind == 2:
            del made[at : at + count]
        else:
            made[at:at] = made[count : 3 * count]
    return bytes(made)


def applied(folder: Path, base: bytes, patch: bytes, new: bytes) -> tuple[int, str]:
    """What becomes of a patch on a device: the exit code and what was said."""
    (folder / "base").write_bytes(base)
    words = [str(folder / name) for name in ("base", "part", "made")]
    command = [sys.executable, "-I", "-c", delta._APPLY, *words, str(len(new)), hashlib.sha256(new).hexdigest()]
    done = subprocess.run(command, input=patch, capture_output=True)
    return done.returncode, done.stderr.decode()


def test_the_device_makes_what_bsdiff_means(tmp_path: Path) -> None:
    drawn = random.Random(1)
    for edits, size in ((0, 5000), (1, 70_000), (5, 200_000), (40, 20_000), (3, 1)):
        base = drawn.randbytes(size)
        new = edited(base, drawn, edits)
        patch = bsdiff4.diff(base, new)
        assert bsdiff4.patch(base, patch) == new
        assert applied(tmp_path, base, patch, new) == (0, "")
        assert (tmp_path / "made").read_bytes() == new and not (tmp_path / "part").exists()


def test_what_fits_nothing_makes_nothing(tmp_path: Path) -> None:
    base, new = random.Random(2).randbytes(9000), random.Random(3).randbytes(9000)
    patch = bsdiff4.diff(base, base[:4000] + b"x" + base[4000:])
    for tried in (patch, patch[:-20], b"", b"BSDIFF40" + bytes(24), random.Random(4).randbytes(500), b"BSDIFF40" + b"\xff" * 60):
        status, _ = applied(tmp_path, new, tried, base[:4000] + b"x" + base[4000:])
        assert status != 0 and not (tmp_path / "made").exists()


def two_releases(folder: Path, kind: str) -> tuple[Pack, Pack]:
    drawn = random.Random(5)
    content = drawn.randbytes(300_000)
    changed = edited(content, drawn, 3) if kind == "similar" else drawn.randbytes(300_000)
    return conv_pack(folder / "old", title="old", ballast=content), conv_pack(folder / "new", title="new", ballast=changed)


def test_a_small_change_travels_as_a_patch(ssh_device: SshDevice, tmp_path: Path, root: Path, target: Targets) -> None:
    old, new = two_releases(tmp_path, "similar")
    first = deploy(old, ssh_device, target(), SilentProgress())
    second = deploy(new, ssh_device, target(), SilentProgress())
    assert first.uploaded > 300_000 and second.uploaded < 6_000
    assert current_release(root, "conv") == new.id
    no_leftovers(root, "conv")
    assert deploy(old, ssh_device, target(), SilentProgress()).uploaded == 0, "its content is there"


@pytest.mark.parametrize("what", ["another content", "damaged there", "not kept here", "kept and damaged here"])
def test_without_a_base_the_whole_file_is_sent(
    ssh_device: SshDevice, tmp_path: Path, root: Path, target: Targets, own_cache: Path, what: str
) -> None:
    old, new = two_releases(tmp_path, "other" if what == "another content" else "similar")
    deploy(old, ssh_device, target(), SilentProgress())
    (ballast,) = (root / "conv" / "releases" / old.id / "extra").iterdir()
    (kept,) = [file for file in own_cache.iterdir() if file.stat().st_size == 300_000]
    if what == "damaged there":
        ballast.write_bytes(ballast.read_bytes()[::-1])
    elif what == "not kept here":
        kept.unlink()
    elif what == "kept and damaged here":
        kept.write_bytes(kept.read_bytes()[::-1])
    assert deploy(new, ssh_device, target(), SilentProgress()).uploaded > 295_000
    assert current_release(root, "conv") == new.id


def test_what_is_kept_has_a_limit(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delta, "_KEPT", 25_000)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(name.encode() * 3000)
        delta.keep([(name, tmp_path / name)])
    assert {file.name for file in own_cache.iterdir()} == {"two", "three"}
    (tmp_path / "small").write_bytes(b"small")
    delta.keep([("small", tmp_path / "small")])
    assert not (own_cache / "small").exists()
