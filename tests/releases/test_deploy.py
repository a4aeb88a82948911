"""Deployment over real ssh: what is on the device afterwards, what travels, and the way back."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.devices.packed import packed
from edgepack.devices.ssh import SshDevice
from edgepack.ground.errors import DeviceError
from edgepack.ground.files import canonical_json
from edgepack.ground.progress import SilentProgress
from edgepack.ground.small import small as small_form
from edgepack.pack import Pack, write_pack
from edgepack.project import Target
from edgepack.releases.deploy import deploy, rollback
from tests.standins.packs import conv_pack
from tests.standins.releases import current_release, no_leftovers

Targets = Callable[..., Target]


def test_a_deployed_release_is_complete_and_current(ssh_device: SshDevice, first: Pack, root: Path, target: Targets) -> None:
    deployment = deploy(first, ssh_device, target(), SilentProgress())
    assert current_release(root, "conv") == first.id == deployment.release
    assert deployment.path == f"{root}/conv/current" and deployment.replaced is None
    files = [path for path in first.folder.rglob("*") if path.is_file()]
    assert deployment.uploaded == travelling(files) < sum(path.stat().st_size for path in files)
    assert deployment.golden.inputs == first.golden.count and deployment.engine == "litert"
    no_leftovers(root, "conv")


def travelling(files: list[Path]) -> int:
    """Bytes of files that an ssh device with xz is sent."""
    packs = ((file, packed(file, hashlib.sha256(file.read_bytes()).hexdigest(), "xz")) for file in files)
    return sum(file.stat().st_size if small is None else len(small) for file, small in packs)


def test_a_model_travels_packed_and_lies_there_whole(ssh_device: SshDevice, tmp_path: Path, root: Path, target: Targets) -> None:
    model = Path(__file__).parents[1] / "flatbuffer" / "coded" / "clustered.tflite"
    pack = write_pack(tmp_path / "pack", "net", model)
    deployment = deploy(pack, ssh_device, target(), SilentProgress())
    there = root / "net" / "current" / "model.tflite"
    assert there.read_bytes() == model.read_bytes() and current_release(root, "net") == pack.id
    assert deployment.model_sent == len(small_form(model.read_bytes(), "xz")) < 0.75 * model.stat().st_size
    assert deploy(pack, ssh_device, target(), SilentProgress()).model_sent == 0
    no_leftovers(root, "net")


def test_an_unchanged_release_is_not_sent_again(ssh_device: SshDevice, first: Pack, root: Path, target: Targets) -> None:
    deploy(first, ssh_device, target(), SilentProgress())
    files = {path: path.stat().st_ino for path in (root / "conv" / "releases").rglob("*.tflite")}
    again = deploy(first, ssh_device, target(), SilentProgress())
    assert again.uploaded == 0 and again.replaced is None and again.reused > 0
    assert {path: path.stat().st_ino for path in (root / "conv" / "releases").rglob("*.tflite")} == files
    no_leftovers(root, "conv")


def test_only_changed_files_travel(ssh_device: SshDevice, first: Pack, tmp_path: Path, root: Path, target: Targets) -> None:
    renamed = conv_pack(tmp_path / "renamed", title="another title")
    deploy(first, ssh_device, target(), SilentProgress())
    deployment = deploy(renamed, ssh_device, target(), SilentProgress())
    changed = [path for path in renamed.folder.rglob("*") if path.is_file()]
    changed = [path for path in changed if path.read_bytes() != (first.folder / path.relative_to(renamed.folder)).read_bytes()]
    assert deployment.uploaded == travelling(changed) < renamed.model.stat().st_size * 10
    assert "model.tflite" not in {path.name for path in changed}
    assert current_release(root, "conv") == renamed.id


def test_rollback_goes_back_and_forth(ssh_device: SshDevice, first: Pack, second: Pack, root: Path, target: Targets) -> None:
    deploy(first, ssh_device, target(), SilentProgress())
    assert deploy(second, ssh_device, target(), SilentProgress()).replaced == first.id
    back = rollback("conv", ssh_device, target(), SilentProgress())
    assert (back.release, back.replaced) == (first.id, second.id) and current_release(root, "conv") == first.id
    assert rollback("conv", ssh_device, target(), SilentProgress()).release == second.id
    assert rollback("conv", ssh_device, target(), SilentProgress(), to=first.id).release == first.id
    no_leftovers(root, "conv")


def test_rollback_without_a_release_before_says_so(local: LocalDevice, first: Pack, root: Path, target: Targets) -> None:
    with pytest.raises(DeviceError) as caught:
        rollback("conv", local, target(), SilentProgress())
    assert caught.value.code == "EP-531" and not root.exists(), "asking may not create anything"
    deploy(first, local, target(), SilentProgress())
    for to in (None, "0123456789ab"):
        with pytest.raises(DeviceError) as caught:
            rollback("conv", local, target(), SilentProgress(), to=to)
        assert caught.value.code == "EP-531" and first.id in caught.value.hint
    assert current_release(root, "conv") == first.id


def test_rollback_to_a_damaged_release_is_refused(
    local: LocalDevice, first: Pack, second: Pack, root: Path, target: Targets
) -> None:
    deploy(first, local, target(), SilentProgress())
    deploy(second, local, target(), SilentProgress())
    model = root / "conv" / "releases" / first.id / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1] + b"\xff")
    with pytest.raises(DeviceError) as caught:
        rollback("conv", local, target(), SilentProgress())
    assert caught.value.code == "EP-532" and "model.tflite" in str(caught.value)
    assert current_release(root, "conv") == second.id


def test_a_damaged_release_is_mended_by_deploying_it_again(local: LocalDevice, first: Pack, root: Path, target: Targets) -> None:
    deploy(first, local, target(), SilentProgress())
    release = root / "conv" / "releases" / first.id
    (release / "model.tflite").write_bytes(b"rotten")
    (release / "golden" / "output_0.bin").unlink()
    sent = deploy(first, local, target(), SilentProgress()).uploaded
    assert sent == first.model.stat().st_size, "the other file's content is still there as a blob"
    assert current_release(root, "conv") == first.id
    no_leftovers(root, "conv")


def test_releases_share_their_content(local: LocalDevice, first: Pack, tmp_path: Path, root: Path, target: Targets) -> None:
    renamed = conv_pack(tmp_path / "renamed", title="another title")
    deploy(first, local, target(), SilentProgress())
    deploy(renamed, local, target(), SilentProgress())
    inodes = {(root / "conv" / "releases" / pack.id / "model.tflite").stat().st_ino for pack in (first, renamed)}
    assert len(inodes) == 1
    no_leftovers(root, "conv")


def test_a_layout_without_blobs_is_taken_over(
    local: LocalDevice, first: Pack, tmp_path: Path, root: Path, target: Targets
) -> None:
    """Releases as they were before content was kept by its hash: what they hold is used, and becomes blobs."""
    import shutil

    deploy(first, local, target(), SilentProgress())
    shutil.rmtree(root / "conv" / "blobs")
    renamed = conv_pack(tmp_path / "renamed", title="another title")
    assert 0 < deploy(renamed, local, target(), SilentProgress()).uploaded < 10_000
    release = root / "conv" / "releases" / renamed.id
    assert (release / "model.tflite").stat().st_ino == (root / "conv/releases" / first.id / "model.tflite").stat().st_ino
    assert current_release(root, "conv") == renamed.id


def test_a_file_system_without_hard_links_gets_copies(
    local: LocalDevice, first: Pack, second: Pack, root: Path, tmp_path: Path, target: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Android, where the shell's user may not link: nothing is kept twice, and content is found in the releases."""
    (tmp_path / "bin").mkdir()
    ln = tmp_path / "bin" / "ln"
    ln.write_text('#!/bin/sh\n[ "$1" = -s ] && exec /bin/ln "$@"\necho "ln: Permission denied" >&2; exit 1\n')
    ln.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    deploy(first, local, target(), SilentProgress())
    deploy(second, local, target(), SilentProgress())
    (root / "conv" / "releases" / second.id / "model.tflite").write_bytes(b"rotten")
    assert deploy(second, local, target(), SilentProgress()).uploaded == second.model.stat().st_size
    assert deploy(first, local, target(), SilentProgress()).uploaded == 0
    assert current_release(root, "conv") == first.id
    assert list((root / "conv" / "blobs").iterdir()) == []
    assert (root / "conv" / "releases" / first.id / "model.tflite").stat().st_nlink == 1


def test_the_profile_says_how_many_releases_stay(local: LocalDevice, tmp_path: Path, root: Path, target: Targets) -> None:
    packs = [conv_pack(tmp_path / f"pack{index}", title=f"release {index}", seed=index) for index in range(4)]
    for pack in packs:
        deploy(pack, local, target("device.keep=1"), SilentProgress())
    there = {path.name for path in (root / "conv" / "releases").iterdir()}
    assert there == {packs[3].id, packs[2].id}, "the current and the previous release stay whatever the number"
    no_leftovers(root, "conv")


def test_old_releases_go_but_current_and_previous_stay(local: LocalDevice, tmp_path: Path, root: Path, target: Targets) -> None:
    packs = [conv_pack(tmp_path / f"pack{index}", title=f"release {index}") for index in range(5)]
    for pack in packs:
        deploy(pack, local, target(), SilentProgress())
    there = {path.name for path in (root / "conv" / "releases").iterdir()}
    assert there == {pack.id for pack in packs[2:]}
    assert {path.stem for path in (root / "conv" / "deployments").iterdir()} == there
    assert rollback("conv", local, target(), SilentProgress()).release == packs[3].id


HARD_NAMES = [
    "two words",
    "it's",
    'say "hi"',
    "$(touch pwned)",
    "`touch pwned`",
    "a;touch pwned",
    "-rf",
    "*",
    "ünïcode",
    "a\\b",
    "%C",
]


@pytest.mark.parametrize("name", HARD_NAMES)
def test_no_name_is_ever_a_command(
    ssh_device: SshDevice, name: str, tmp_path: Path, root: Path, target: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pack = conv_pack(tmp_path / "pack", name=name)
    deploy(pack, ssh_device, target(), SilentProgress())
    assert current_release(root, name) == pack.id
    assert not list(tmp_path.rglob("pwned")) and not Path.home().joinpath("pwned").exists()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../../etc", "a\nb", "a\0b"])
def test_names_that_leave_the_root_are_refused(local: LocalDevice, name: str, first: Pack, root: Path, target: Targets) -> None:
    from dataclasses import replace

    with pytest.raises(DeviceError) as caught:
        deploy(replace(first, name=name), local, target(), SilentProgress())
    assert caught.value.code == "EP-524" and not root.exists()


def test_a_file_name_with_shell_characters_travels(local: LocalDevice, tmp_path: Path, root: Path, target: Targets) -> None:
    pack = conv_pack(tmp_path / "pack", ballast=1000)
    deploy(pack, local, target(), SilentProgress())
    assert current_release(root, "conv") == pack.id
    assert len(list((root / "conv" / "current" / "extra").iterdir())) == 1


def test_the_reference_engine_must_and_does_agree_exactly(local: LocalDevice, first: Pack, target: Targets) -> None:
    golden = deploy(first, local, target("device.engine=tflite-ref"), SilentProgress()).golden
    assert golden.tolerance is None and golden.inputs_differing == 0 and golden.max_difference == 0


def _with_wrong_outputs(pack: Pack, folder: Path, shift: int) -> Pack:
    """The same pack, whose golden outputs are off by `shift` steps; its manifest is made to fit again."""
    import shutil

    import numpy as np

    from edgepack.pack import read_pack
    from edgepack.pack.manifest import with_files

    shutil.copytree(pack.folder, folder)
    outputs = np.fromfile(folder / "golden" / "output_0.bin", np.int8)
    (np.roll(outputs, 1) if shift == 0 else np.where(outputs > 0, outputs - shift, outputs + shift)).astype(np.int8).tofile(
        folder / "golden" / "output_0.bin"
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    again = with_files({k: v for k, v in manifest.items() if k not in ("id", "files")}, folder)
    (folder / "manifest.json").write_bytes(canonical_json(again))
    return read_pack(folder)


def test_a_release_that_computes_something_else_never_becomes_current(
    local: LocalDevice, first: Pack, tmp_path: Path, root: Path, target: Targets
) -> None:
    deploy(first, local, target(), SilentProgress())
    wrong = _with_wrong_outputs(first, tmp_path / "wrong", 40)
    with pytest.raises(DeviceError) as caught:
        deploy(wrong, local, target(), SilentProgress())
    assert caught.value.code == "EP-527" and caught.value.exit_code == 4
    assert current_release(root, "conv") == first.id
    no_leftovers(root, "conv")


def test_one_step_is_too_much_for_the_reference_and_fine_for_others(
    local: LocalDevice, first: Pack, tmp_path: Path, target: Targets
) -> None:
    wrong = _with_wrong_outputs(first, tmp_path / "wrong", 1)
    with pytest.raises(DeviceError) as caught:
        deploy(wrong, local, target("device.engine=tflite-ref"), SilentProgress())
    assert caught.value.code == "EP-527"
    golden = deploy(wrong, local, target("device.engine=litert"), SilentProgress()).golden
    assert golden.inputs_differing == golden.inputs and 1 <= golden.max_difference <= 3


def test_this_machine_is_a_device_too(first: Pack, target: Targets, root: Path) -> None:
    deployment = deploy(first, LocalDevice(), target(kind="host"), SilentProgress())
    assert current_release(root, "conv") == first.id and "own packages" in deployment.runner.runtime


def test_the_default_place_on_this_machine_follows_xdg(first: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgepack.project import load_target

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    deployment = deploy(first, LocalDevice(), load_target("host", None), SilentProgress())
    assert deployment.root == str(tmp_path / "data" / "edgepack" / "deployed")


def test_busybox_is_enough_of_a_userland(
    local: LocalDevice, first: Pack, second: Pack, root: Path, tmp_path: Path, target: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small systems have no GNU tools: every script runs with busybox's shell and applets alone."""
    import shutil
    import subprocess

    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed (apt-get install --no-install-recommends busybox)")
    (tmp_path / "bin").mkdir()
    subprocess.run([busybox, "--install", "-s", str(tmp_path / "bin")], check=True)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert local.facts().machine
    deploy(first, local, target(), SilentProgress())
    deploy(second, local, target(), SilentProgress())
    assert rollback("conv", local, target(), SilentProgress()).release == first.id
    monkeypatch.undo()
    assert current_release(root, "conv") == first.id
    no_leftovers(root, "conv")
