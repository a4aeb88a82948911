"""Signed packs on devices: what the device refuses by itself, whoever checks there, and over every transport."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from edgepack.devices import Device
from edgepack.devices.local import LocalDevice
from edgepack.devices.ssh import SshDevice
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.kinds import open_device
from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.pack import Pack
from edgepack.project import Target, load_target
from edgepack.releases.deploy import deploy, rollback
from edgepack.releases.uninstall import installed, uninstall, withdraw
from edgepack.signing import Signer, sign_pack
from edgepack.standins.adbd import HostUserland
from tests.standins.adb_clients import private_adb
from tests.standins.adb_device import AdbStandin
from tests.standins.android_root import Aarch64Userland
from tests.standins.packs import conv_pack
from tests.standins.quick_python import quick_python
from tests.standins.releases import current_release, no_leftovers
from tests.standins.signing import NEW, OLD, THIRD, signed

Targets = Callable[..., Target]
QUIET = SilentProgress()
needs_zig = pytest.mark.skipif(not zig_present(), reason="zig is not installed (pip install ziglang)")


@dataclass
class Place:
    """A device, its target, and where its files are on this machine."""

    device: Device
    target: Target
    root: Path

    def deploy(self, pack: Pack) -> str:
        return deploy(pack, self.device, self.target, QUIET).release

    def refusal(self, pack: Pack) -> str:
        """The code with which a pack is refused; what is current stays, and nothing is left behind."""
        before = current_release(self.root, pack.name)
        with pytest.raises(DeviceError) as caught:
            self.deploy(pack)
        assert str(caught.value) and caught.value.hint
        assert current_release(self.root, pack.name) == before
        if before is not None:
            no_leftovers(self.root, pack.name)
        return caught.value.code

    @property
    def journal(self) -> list[list[str]]:
        return [line.split()[1:] for line in (self.root / ".trust" / "journal").read_text().splitlines()]


@pytest.fixture(params=["python", pytest.param("c", marks=needs_zig)])
def place(request: pytest.FixtureRequest, local: LocalDevice, root: Path, target: Targets) -> Place:
    """This machine, where the runner in Python or the model's own program checks."""
    own = f"device.python={quick_python(root.parent / 'quick python')}" if request.param == "python" else "device.engine=c"
    return Place(local, target(own), root)


@pytest.fixture
def packs(first: Pack, second: Pack, tmp_path: Path) -> Iterator[tuple[Pack, Pack]]:
    """Two packs that a test may sign."""
    copies = [shutil.copytree(pack.folder, tmp_path / f"copy of {pack.id}") for pack in (first, second)]
    yield tuple(replace(p, folder=f, model=f / "model.tflite") for p, f in zip((first, second), copies, strict=True))  # type: ignore[misc]


def test_the_first_signed_release_brings_the_key_and_unsigned_ones_are_refused_from_then_on(
    place: Place, packs: tuple[Pack, Pack]
) -> None:
    one, two = packs
    place.deploy(two)
    assert not (place.root / ".trust").exists(), "whoever signs nothing has nothing of it"
    place.deploy(signed(one, OLD, 100))
    release = place.root / "conv" / "current"
    assert (place.root / ".trust" / "key.pub").read_bytes() == (release / "signing-key.pub").read_bytes()
    assert (place.root / ".trust" / "accepted" / "conv").read_text() == "100\n"
    assert (release / "manifest.json.minisig").read_bytes() == (one.folder / "manifest.json.minisig").read_bytes()
    assert place.refusal(two) == "EP-570"
    assert not any(row.damaged for row in installed(place.device, place.target))
    with pytest.raises(DeviceError) as caught:
        rollback("conv", place.device, place.target, QUIET, two.id)
    assert caught.value.code == "EP-570" and current_release(place.root, "conv") == one.id


def test_other_models_of_the_device_must_be_signed_too(place: Place, packs: tuple[Pack, Pack], tmp_path: Path) -> None:
    place.deploy(signed(packs[0], OLD, 100))
    other = conv_pack(tmp_path / "other", name="-rf *")
    assert place.refusal(other) == "EP-570"
    place.deploy(signed(other, OLD, 50))
    assert current_release(place.root, "-rf *") == other.id, "each model counts for itself"


def test_another_key_is_refused_and_an_old_one_after_a_change(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    assert place.refusal(signed(two, NEW, 200)) == "EP-572"
    assert place.refusal(signed(two, NEW, 200, endorser=THIRD)) == "EP-572"
    place.deploy(signed(two, NEW, 200, endorser=OLD))
    assert (place.root / ".trust" / "key.pub").read_bytes() == (two.folder / "signing-key.pub").read_bytes()
    assert place.refusal(signed(one, OLD, 300)) == "EP-573"
    with pytest.raises(DeviceError) as caught:
        rollback("conv", place.device, place.target, QUIET)
    assert caught.value.code == "EP-573" and current_release(place.root, "conv") == two.id
    place.deploy(signed(one, NEW, 300, endorser=OLD))
    place.deploy(signed(two, OLD, 400, endorser=NEW))
    assert place.refusal(signed(one, NEW, 500)) == "EP-573"


def test_an_endorsement_of_another_key_or_file_does_not_change_the_key(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    manifest_by_old = (one.folder / "manifest.json.minisig").read_bytes()
    signed(two, NEW, 200)
    (two.folder / "signing-key.pub.minisig").write_bytes(manifest_by_old)
    assert place.refusal(two) == "EP-571"
    signed(two, THIRD, 200, endorser=OLD)
    for_third = (two.folder / "signing-key.pub.minisig").read_bytes()
    signed(two, NEW, 200)
    (two.folder / "signing-key.pub.minisig").write_bytes(for_third)
    assert place.refusal(two) == "EP-571"


def test_an_older_release_is_refused_unless_by_a_rollback_which_is_recorded(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    place.deploy(signed(two, OLD, 200))
    assert place.refusal(one) == "EP-574"
    back = rollback("conv", place.device, place.target, QUIET)
    assert back.release == one.id == current_release(place.root, "conv")
    assert place.journal[-1] == ["rollback", one.id, "after", two.id, "of", "conv"]
    assert place.refusal(one) == "EP-574", "what was accepted before still counts"
    place.deploy(two)
    assert place.journal[-1] == ["deploy", two.id, "after", one.id, "of", "conv"]
    place.deploy(signed(one, OLD, 200))


def test_an_uninstalled_model_cannot_be_brought_back_in_an_older_release(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    place.deploy(signed(two, OLD, 200))
    assert not uninstall("conv", place.device, place.target, QUIET).root_removed
    assert place.refusal(one) == "EP-574" and place.refusal(signed(one, NEW, 300)) == "EP-572"
    place.deploy(two)


def test_content_that_changes_on_the_device_is_refused_before_the_switch(
    place: Place, packs: tuple[Pack, Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    import edgepack.releases.deploy as module

    one, two = packs
    place.deploy(signed(one, OLD, 100))
    genuine = module.switch

    def tamper(change: Callable[[Path], object]) -> None:
        def switch(device: Device, layout: object, identity: str, *rest: object) -> str | None:
            change(place.root / "conv" / "incoming" / identity)
            return genuine(device, layout, identity, *rest)  # type: ignore[arg-type]

        monkeypatch.setattr(module, "switch", switch)

    def both(folder: Path) -> None:
        """The list of checksums fits again, as that of somebody who knows what he does."""
        (folder / "model.tflite").unlink()
        (folder / "model.tflite").write_bytes(b"another")
        sums = (folder / "SHA256SUMS").read_text().splitlines()
        digest = hashlib.sha256(b"another").hexdigest()
        sums = [f"{digest}  model.tflite" if line.endswith("  model.tflite") else line for line in sums]
        (folder / "SHA256SUMS").unlink()
        (folder / "SHA256SUMS").write_text("\n".join(sums) + "\n")

    def link(folder: Path) -> None:
        (folder / "model.tflite").rename(place.root / "elsewhere")
        (folder / "model.tflite").symlink_to(place.root / "elsewhere")

    changes: list[Callable[[Path], object]] = [
        both,
        link,
        lambda folder: (folder / "MODEL_CARD.md").unlink(),
        lambda folder: (folder / "golden" / "more.bin").write_bytes(b"more"),
        lambda folder: (folder / "more").symlink_to("/"),
    ]
    for change in changes:
        tamper(change)
        assert place.refusal(signed(two, OLD, 200)) == "EP-575"
        (place.root / "elsewhere").unlink(missing_ok=True)
    manifest: Callable[[Path], object] = lambda folder: [  # noqa: E731
        (folder / "manifest.json").unlink(),
        (folder / "manifest.json").write_bytes((one.folder / "manifest.json").read_bytes()),
    ]
    tamper(manifest)
    assert place.refusal(two) == "EP-571"
    tamper(lambda folder: None)
    place.deploy(two)


def test_a_wrong_signature_is_refused_on_the_host_and_by_itself_on_the_device(
    place: Place, packs: tuple[Pack, Pack], monkeypatch: pytest.MonkeyPatch
) -> None:
    import edgepack.releases.deploy as module

    one, two = packs
    place.deploy(signed(one, OLD, 100))
    texts = spoilt_signatures(signed(two, OLD, 200))
    for host_checks in (True, False):
        if not host_checks:
            monkeypatch.setattr(module, "check_signature", lambda *words: None)
        for name, content in texts:
            signed(two, OLD, 200)
            (two.folder / name).write_bytes(content)
            expected = "EP-571" if content or host_checks else "EP-570"
            assert place.refusal(two) == expected, (name, content)
    assert (place.root / ".trust" / "accepted" / "conv").read_text() == "100\n"


def spoilt_signatures(pack: Pack) -> list[tuple[str, bytes]]:
    """Signature files that must not pass, by their names."""
    text = (pack.folder / "manifest.json.minisig").read_bytes()
    lines = text.split(b"\n")

    def with_line(index: int, line: bytes) -> bytes:
        return b"\n".join([*lines[:index], line, *lines[index + 1 :]])

    flipped = lines[1][:40] + (b"A" if lines[1][40:41] != b"A" else b"B") + lines[1][41:]
    return [
        ("manifest.json.minisig", content)
        for content in (
            b"",
            b"\n".join(lines[:2]),
            with_line(1, flipped),
            with_line(1, lines[1][:-4]),
            with_line(1, b"!" + lines[1][1:]),
            with_line(2, lines[2].replace(b"timestamp:200", b"timestamp:900")),
            with_line(3, flipped[:88]),
        )
    ] + [("signing-key.pub", b"untrusted comment: none\nRWQ\n")]


def test_a_target_may_ask_for_signatures(place: Place, packs: tuple[Pack, Pack], monkeypatch: pytest.MonkeyPatch) -> None:
    import edgepack.releases.deploy as module

    place.target = replace(place.target, device=replace(place.target.device, require_signature=True))
    assert place.refusal(packs[0]) == "EP-570"
    monkeypatch.setattr(module, "_signature", lambda *words: None)
    assert place.refusal(packs[0]) == "EP-570", "the device refuses it as well"


def test_a_deployment_that_is_taken_back_leaves_what_was_there(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(one)
    deployment = deploy(signed(two, OLD, 100), place.device, place.target, QUIET)
    assert withdraw(deployment, place.device, place.target, QUIET) == one.id
    assert current_release(place.root, "conv") == one.id and place.refusal(one) == "EP-570"


def test_a_runner_that_cannot_check_admits_nothing(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    place.deploy(signed(two, OLD, 200))
    record = place.root / "conv" / "deployments" / f"{one.id}.json"
    for text in ("", "{}", json.dumps({"runner": {"argv": ["false"]}}), json.dumps({"runner": {"argv": ["echo"] * 2}})):
        genuine = record.read_text()
        record.write_text(text)
        if "echo" in text:
            continue  # somebody who writes to the device decides what runs there
        with pytest.raises(DeviceError) as caught:
            rollback("conv", place.device, place.target, QUIET)
        assert caught.value.code == "EP-576" and current_release(place.root, "conv") == two.id
        record.write_text(genuine)


def test_a_damaged_key_of_the_device_admits_nothing(place: Place, packs: tuple[Pack, Pack]) -> None:
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    (place.root / ".trust" / "accepted" / "conv").write_text("a while ago\n")
    assert place.refusal(signed(two, OLD, 200)) == "EP-576"
    (place.root / ".trust" / "key.pub").write_text("")
    assert place.refusal(signed(two, OLD, 200)) == "EP-576"


def over(place: Place, packs: tuple[Pack, Pack]) -> None:
    """The whole story over one transport."""
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    no_leftovers(place.root, "conv")
    assert place.refusal(signed(two, NEW, 200)) == "EP-572"
    (two.folder / "manifest.json.minisig").unlink()
    assert place.refusal(two) == "EP-570"
    place.deploy(signed(two, NEW, 200, endorser=OLD))
    assert place.refusal(signed(one, NEW, 199)) == "EP-574"
    place.deploy(signed(one, NEW, 201))
    assert rollback("conv", place.device, place.target, QUIET).release == two.id
    assert place.journal[-1][:2] == ["rollback", two.id]


def test_over_ssh(ssh_device: SshDevice, root: Path, target: Targets, packs: tuple[Pack, Pack]) -> None:
    over(Place(ssh_device, target(), root), packs)


@needs_zig
def test_over_adb_where_there_is_no_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, target: Targets, packs: tuple[Pack, Pack]
) -> None:
    with private_adb("debian", tmp_path / "adb", monkeypatch):
        phone = AdbStandin(HostUserland(tmp_path / "phone"))
        try:
            profile = target("device.engine=c", kind="android")
            with open_device(profile, phone.serial) as device:
                over(Place(device, profile, root), packs)
        finally:
            phone.stop()


@pytest.mark.slow
def test_on_android_in_aarch64_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packs: tuple[Pack, Pack]) -> None:
    """mksh and toybox run the scripts, and the model's program checks the signatures as aarch64 code."""
    with private_adb("google", tmp_path / "adb", monkeypatch):
        userland = Aarch64Userland(tmp_path / "userland")
        phone = AdbStandin(userland)
        try:
            profile = load_target("android", None, ["device.runs=10", "device.warmup=2"])
            with open_device(profile, phone.serial) as device:
                over(Place(device, profile, userland.path("/data/local/tmp/edgepack")), packs)
        finally:
            phone.stop()
            userland.stop()


def test_the_signer_is_told_apart_by_its_whole_key(place: Place, packs: tuple[Pack, Pack]) -> None:
    """Another key under the same number, which anybody can make."""
    one, two = packs
    place.deploy(signed(one, OLD, 100))
    twin = replace(NEW, public=NEW.public._replace(number=OLD.public.number))
    sign_pack(two, Signer(twin, None, 200))
    assert place.refusal(two) == "EP-572"
