"""A stored stage that was damaged is computed again and told, however it was damaged."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pytest

from edgepack.ground import seal
from edgepack.ground.cache import Cache
from edgepack.ground.seal import is_intact, remove_sealed, seal_file
from edgepack.sources.fingerprint import Fingerprints
from tests.pipeline.corruption import KINDS

GOOD = {"weights.bin": bytes(range(256)) * 40, "facts/step.json": b'{"sha256": "1"}\n'}


class Stages:
    """A cache with the same stage under several inputs; `told` is what it told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told, self.computed = folder, list[str](), 0
        self.of = [self.stage(number) for number in range(3)]
        self.computed = 0

    def stage(self, number: int, thorough: bool = False) -> Path:
        """The stage's folder, as a new run finds it."""

        def compute(folder: Path) -> None:
            self.computed += 1
            for name, content in GOOD.items():
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(content + bytes([number]))

        found = Cache(self.folder, thorough=thorough, tell=self.told.append).stage("train", {"n": number}, compute).folder
        assert {name: (found / name).read_bytes()[:-1] for name in GOOD} == GOOD
        return found


@pytest.fixture
def stages(tmp_path: Path) -> Stages:
    return Stages(tmp_path / "cache")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once."""
    monkeypatch.setattr(seal, "_SETTLED", 0.0)


def test_of_random_damage_nothing_is_believed(stages: Stages, settled: None) -> None:
    rng = random.Random(11)
    for turn in range(40):
        stages.stage(0)
        time.sleep(0.01)
        file = rng.choice([file for file in stages.of[0].rglob("*") if file.is_file()])
        before, seen = file.read_bytes(), file.stat()
        kind = sorted(KINDS)[turn % len(KINDS)]
        KINDS[kind](file, rng)
        if kind != "delete":
            if file.read_bytes() == before:
                continue
            os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        stages.told.clear()
        stages.computed = 0
        stages.stage(0)
        assert stages.computed == 1 and len(stages.told) == 1, (turn, kind, file)
        assert stages.of[0].name in stages.told[0] and "\n" not in stages.told[0]


def test_stages_and_files_in_each_others_place_are_not_believed(stages: Stages) -> None:
    first, second = stages.of[:2]
    first.rename(first.with_name("aside"))
    second.rename(first)
    first.with_name("aside").rename(second)
    assert (stages.stage(0), stages.stage(1)) == (first, second) and len(stages.told) == stages.computed == 2
    os.replace(first / "weights.bin", second / "weights.bin")
    assert (stages.stage(0), stages.stage(1)) == (first, second) and len(stages.told) == stages.computed == 4


@pytest.mark.parametrize("put", [os.mkfifo, os.mkdir, lambda file: os.symlink("/dev/zero", file)])
def test_what_is_no_file_is_not_read(stages: Stages, put: object) -> None:
    (stages.of[0] / "weights.bin").unlink()
    put(stages.of[0] / "weights.bin")  # type: ignore[operator]
    stages.stage(0)
    assert stages.computed == 1


def test_a_stage_is_read_whole_once_and_then_known_by_its_times(
    stages: Stages, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    real = seal.sha256_file
    monkeypatch.setattr(seal, "sha256_file", lambda file: read.append(file.name) or real(file))
    time.sleep(0.01)
    stages.stage(0)
    assert sorted(read) == ["inputs.json", "step.json", "weights.bin"], "its files were too young when it was sealed"
    stages.stage(0)
    assert len(read) == 3
    os.utime(stages.of[0] / "weights.bin")
    stages.stage(0)
    assert read[3:] == ["weights.bin"]
    stages.stage(0, thorough=True)
    assert len(read) == 7 and not stages.told and not stages.computed


def test_a_copy_of_a_cache_is_as_good(stages: Stages, tmp_path: Path, settled: None) -> None:
    shutil.copytree(stages.folder, tmp_path / "copy")
    stages.folder = tmp_path / "copy"
    stages.stage(0)
    assert not stages.computed and not stages.told


def test_damage_that_no_time_shows_is_found_when_asked_for(
    stages: Stages, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = stages.of[0] / "weights.bin"
    monkeypatch.setattr(seal, "_stamp", lambda seen: [1, 2, 3])  # as where a disk forgets a bit
    time.sleep(0.01)
    stages.stage(0)
    KINDS["flip"](file, random.Random(0))
    assert seal.damage(stages.of[0], stages.of[0].name) == ""
    stages.stage(0, thorough=True)
    assert stages.computed == 1
    KINDS["zero"](file, random.Random(0))
    ((entry, why),) = Cache(stages.folder).remove_damaged()
    assert entry.folder == stages.of[0] and "weights.bin" in why and not stages.of[0].exists()


def test_a_sealed_file_of_the_users_cache_is_used_as_it_was_made_only(tmp_path: Path) -> None:
    file, other = tmp_path / "a" / "run", tmp_path / "b" / "run"
    for one in (file, other):
        one.parent.mkdir()
        one.write_bytes(b"program of " + one.parent.name.encode())
        assert not is_intact(one), "a stopped run may have left it"
        seal_file(one)
        assert is_intact(one)
    for one in (file, other):
        for end in ("run", "run.sha256"):
            (tmp_path / f"{one.parent.name}.{end}").write_bytes((one.parent / end).read_bytes())
    for end in ("run", "run.sha256"):
        (file.parent / end).write_bytes((tmp_path / f"b.{end}").read_bytes())
    assert not is_intact(file), "it is the other's"
    KINDS["flip"](other, random.Random(0))
    assert not is_intact(other)
    remove_sealed(other)
    assert not list(other.parent.iterdir())


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"/x": []}', b'{"sealed": {"/x": []}, "sha256": ""}', b"\xff"])
def test_a_damaged_memory_of_hashes_is_forgotten(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_text("content")
    cache = Cache(tmp_path)
    wanted = Fingerprints(cache).of(tmp_path / "x")
    (tmp_path / "fingerprints.json").write_bytes(content.replace(b"/x", str(tmp_path / "x").encode()))
    assert Fingerprints(cache).of(tmp_path / "x") == wanted


def test_a_file_that_changes_without_a_new_size_or_time_has_a_new_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgepack.sources.fingerprint._SETTLED", 0.0)
    file = tmp_path / "data.npz"
    file.write_text("old")
    seen = file.stat()
    time.sleep(0.01)
    before = Fingerprints(Cache(tmp_path)).of(file)
    file.write_text("new")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert Fingerprints(Cache(tmp_path)).of(file) != before
