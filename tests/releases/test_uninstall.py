"""Off the device again: nothing stays, nothing of others goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack
from edgepack.project import Target
from edgepack.releases.deploy import deploy, rollback
from edgepack.releases.uninstall import installed, uninstall, withdraw
from tests.standins.packs import conv_pack
from tests.standins.releases import current_release, no_leftovers

Targets = Callable[..., Target]


def test_uninstalling_the_only_model_leaves_nothing(
    local: LocalDevice, first: Pack, second: Pack, root: Path, target: Targets
) -> None:
    deploy(first, local, target(), SilentProgress())
    deploy(second, local, target(), SilentProgress())
    gone = uninstall("conv", local, target(), SilentProgress())
    assert (gone.releases, gone.root_removed) == (2, True) and gone.freed > 0
    assert not root.exists()
    with pytest.raises(DeviceError) as caught:
        uninstall("conv", local, target(), SilentProgress())
    assert caught.value.code == "EP-531" and not root.exists()


def test_other_models_and_files_stay(local: LocalDevice, first: Pack, tmp_path: Path, root: Path, target: Targets) -> None:
    other = conv_pack(tmp_path / "other", name="-rf *")
    deploy(first, local, target(), SilentProgress())
    deploy(other, local, target(), SilentProgress())
    assert not uninstall("conv", local, target(), SilentProgress()).root_removed
    assert current_release(root, "-rf *") == other.id and {path.name for path in root.iterdir()} == {"-rf *", ".runners"}
    (root / "somebody's file").write_text("kept")
    assert not uninstall("-rf *", local, target(), SilentProgress()).root_removed
    assert [path.name for path in root.rglob("*") if path.is_file() and ".runners" not in path.parts] == ["somebody's file"]


def test_a_model_being_deployed_is_not_removed(local: LocalDevice, first: Pack, root: Path, target: Targets) -> None:
    from edgepack.remote.lock import DeviceLock

    deploy(first, local, target(), SilentProgress())
    with DeviceLock(local, str(root / "conv" / "lock"), SilentProgress()), pytest.raises(DeviceError) as caught:
        uninstall("conv", local, target(), SilentProgress())
    assert caught.value.code == "EP-514" and current_release(root, "conv") == first.id


def test_an_uninstall_that_was_cut_is_finished_by_the_next(local: LocalDevice, first: Pack, root: Path, target: Targets) -> None:
    deploy(first, local, target(), SilentProgress())
    (root / "conv").rename(root / ".uninstalled.cut")
    assert uninstall("conv", local, target(), SilentProgress()).root_removed and not root.exists()


def test_withdrawing_goes_back_to_what_was_there(
    local: LocalDevice, first: Pack, second: Pack, root: Path, target: Targets
) -> None:
    one = deploy(first, local, target(), SilentProgress())
    two = deploy(second, local, target(), SilentProgress())
    again = deploy(second, local, target(), SilentProgress())
    assert (one.before, two.before, again.before) == (None, first.id, second.id)
    assert withdraw(again, local, target(), SilentProgress()) == second.id, "it was there before"
    assert withdraw(two, local, target(), SilentProgress()) == first.id
    assert current_release(root, "conv") == first.id
    assert {path.name for path in (root / "conv" / "releases").iterdir()} == {first.id}
    no_leftovers(root, "conv")
    with pytest.raises(DeviceError, match="no release before"):
        rollback("conv", local, target(), SilentProgress())
    assert withdraw(one, local, target(), SilentProgress()) is None
    assert current_release(root, "conv") is None and list((root / "conv" / "blobs").iterdir()) == []
    assert deploy(first, local, target(), SilentProgress()).before is None


def test_a_release_made_current_by_somebody_else_is_left_alone(
    local: LocalDevice, first: Pack, second: Pack, root: Path, target: Targets
) -> None:
    one = deploy(first, local, target(), SilentProgress())
    deploy(second, local, target(), SilentProgress())
    assert withdraw(one, local, target(), SilentProgress()) == second.id
    assert current_release(root, "conv") == second.id


def test_what_is_there_is_listed(local: LocalDevice, first: Pack, second: Pack, tmp_path: Path, target: Targets) -> None:
    assert installed(local, target()) == ()
    deploy(first, local, target(), SilentProgress())
    deploy(second, local, target(), SilentProgress())
    deploy(conv_pack(tmp_path / "other", name="--help $(id)"), local, target(), SilentProgress())
    rows = installed(local, target())
    assert {(row.name, row.release, row.state) for row in rows if row.name == "conv"} == {
        ("conv", first.id, "previous"),
        ("conv", second.id, "current"),
    }
    assert [row.state for row in installed(local, target(), "--help $(id)")] == ["current"]
    assert all(row.size > 0 and row.used for row in rows) and len(rows) == 3
