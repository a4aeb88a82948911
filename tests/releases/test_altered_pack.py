"""A pack that changed after it was made does not reach a device."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target
from edgepack.releases.deploy import deploy
from tests.standins.releases import current_release


@pytest.fixture
def pack(first: Pack, tmp_path: Path) -> Pack:
    folder = shutil.copytree(first.folder, tmp_path / "pack")
    return replace(first, folder=folder, model=folder / "model.tflite")


@pytest.mark.parametrize("name", ["model.tflite", "manifest.json", "MODEL_CARD.md", "golden/golden.json"])
def test_nothing_of_an_altered_pack_is_deployed(
    local: LocalDevice, second: Pack, pack: Pack, root: Path, target: Callable[..., Target], name: str
) -> None:
    deploy(second, local, target(), SilentProgress())
    content = (pack.folder / name).read_bytes()
    for damaged in (content[:-1], content.replace(b"a", b"b", 1), b"", None):
        if damaged is None:
            (pack.folder / name).unlink()
        else:
            (pack.folder / name).write_bytes(damaged)
        with pytest.raises(ModelError) as caught:
            deploy(pack, local, target(), SilentProgress())
        assert caught.value.code in ("EP-250", "EP-251")
        assert current_release(root, "conv") == second.id
        assert [folder.name for folder in (root / "conv" / "releases").iterdir()] == [second.id]


def test_another_pack_in_its_place_is_not_deployed(
    local: LocalDevice, first: Pack, second: Pack, target: Callable[..., Target]
) -> None:
    with pytest.raises(ModelError, match=f"not that of pack {first.id}"):
        deploy(replace(first, folder=second.folder), local, target(), SilentProgress())


def test_what_somebody_else_put_into_the_folder_stays_there(
    local: LocalDevice, pack: Pack, root: Path, target: Callable[..., Target]
) -> None:
    (pack.folder / "notes.txt").write_text("mine")
    deploy(pack, local, target(), SilentProgress())
    assert not (root / "conv" / "current" / "notes.txt").exists()
