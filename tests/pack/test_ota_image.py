"""Images in two slots: a device takes what is right, refuses what is not without touching its flash, and survives power cuts."""

from __future__ import annotations

import base64
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from edgepack.ground.errors import ProjectError
from edgepack.pack.deliveries.image.format import HEADER, SIGNATURE, make_image, make_update
from edgepack.runners.on_device import run_verify
from tests.standins.signing import OLD

from tests.pack.ota_device.build import (  # isort: skip
    BEFORE, FIRST, RESULTS, Device, Release, host_device, release, sign, sign_otherwise, tuned,
)  # fmt: skip

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc and its sanitizers")

ONE = release(BEFORE, 1)
TWO = release(FIRST, 2, ONE)
THREE = release(tuned(FIRST), 3, TWO)
assert TWO.patch and THREE.patch
START: tuple[tuple[str | bytes | int, ...], ...] = (("apply", ONE.whole, 0), ("apply", TWO.patch, 0))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return host_device(tmp_path_factory.mktemp("device"))


@pytest.fixture
def device(program: Path) -> Device:
    return Device(program)


def results(lines: list[str]) -> list[str]:
    """The result of each line, and what else it says where flash was changed against the rules."""
    assert not any("violated" in line for line in lines), lines
    return [RESULTS[int(line.split()[0])] for line in lines]


def test_updates_arrive_whole_and_as_patches_and_are_reverted(device: Device) -> None:
    said = device.run(
        *START, ("runs", TWO.image.whole), ("apply", THREE.patch, 0), ("runs", THREE.image.whole), ("apply", THREE.patch, 0),
        ("revert",), ("runs", TWO.image.whole), ("revert",), ("runs", THREE.image.whole),
    )  # fmt: skip
    assert results(said) == ["ok"] * 5 + ["current"] + ["ok"] * 4
    assert [line for line in said if line.endswith(" same") and line[0] == "0"] == ["0 same"] * 4


def test_a_reverted_update_can_come_again(device: Device) -> None:
    said = device.run(*START, ("apply", THREE.patch, 0), ("revert",), ("apply", THREE.patch, 0), ("runs", THREE.image.whole))
    assert results(said) == ["ok"] * 6 and said[-1] == "0 same"


def test_the_image_before_runs_when_the_newer_one_rots(device: Device) -> None:
    for offset in (9, 20, HEADER, HEADER + 5000):
        said = device.run(*START, ("rot", 1, offset), ("runs", ONE.image.whole), ("rot", 0, offset), ("runs", ONE.image.whole))
        assert said[2:] == ["0 same", f"{RESULTS.index('no image')} other"]


def test_a_whole_update_revives_a_device_without_an_image_and_a_patch_does_not(device: Device) -> None:
    rot = (("rot", 0, 200), ("rot", 1, 200))
    said = device.run(*START, *rot, ("apply", THREE.patch, 0), ("apply", THREE.whole, 0), ("runs", THREE.image.whole))
    assert results(said)[2:] == ["other base", "ok", "ok"] and said[-1] == "0 same"


@pytest.mark.parametrize(("page", "granule"), [(2048, 8), (256, 4), (128, 16)])
def test_a_device_whose_power_fails_again_and_again_is_updated(program: Path, page: int, granule: int) -> None:
    device = Device(program, page, granule)
    calls = 60
    said = device.run(*START, *[("cut", THREE.patch, 300)] * calls, ("runs", THREE.image.whole))[2:]
    words = results(said)
    assert words[0] == "flash" and said[-1] == "0 same"
    assert set(words[words.index("ok") :]) == {"ok", "current"}


def test_a_patch_is_taken_where_it_is_smaller_and_a_whole_update_else() -> None:
    assert len(THREE.patch or b"") < len(THREE.whole)
    noise = random.Random(1).randbytes(3000)
    image = make_image(noise, noise, "net", 4, sign)
    update, patched = make_update(image, THREE.image, sign)
    assert not patched and update == make_update(image, None, sign)[0]


def test_the_signatures_are_minisigns(tmp_path: Path) -> None:
    for content in (ONE.image.whole, ONE.whole):
        content, signature = content[:-SIGNATURE], content[-SIGNATURE:]
        comment = b"timestamp:1"
        lines = [b"untrusted comment: x", base64.b64encode(b"ED" + signature), b"trusted comment: " + comment]
        lines.append(base64.b64encode(OLD.sign(signature[8:] + comment)))
        text = b"\n".join(lines) + b"\n"
        run_verify.check_signature(content, run_verify.parse_signature(text), OLD.public, "net.image")
        if shutil.which("minisign"):
            (tmp_path / "signed").write_bytes(content)
            (tmp_path / "signed.minisig").write_bytes(text)
            subprocess.run(["minisign", "-Vm", tmp_path / "signed", "-P", OLD.public.text], check=True, capture_output=True)


def test_the_same_release_gives_the_same_bytes() -> None:
    again = release(tuned(FIRST), 3, TWO)
    assert (again.image, again.whole, again.patch) == (THREE.image, THREE.whole, THREE.patch)


def refused(device: Device, update: bytes, flags: int = 0, name: str = "net") -> str:
    """The result of an update that must leave both slots, and all flash, as they are."""
    said = device.run(*(START if name == "net" else START[:0]), ("apply", update, flags), name=name)[-1]
    assert said.split()[1:] == ["0", "same"], said
    return results([said])[0]


def test_what_is_wrong_is_refused_and_no_flash_is_changed(device: Device) -> None:
    other_base = release(tuned(FIRST, 0.5), 2)
    wrong = make_update(THREE.image, TWO.image, sign_otherwise)[0]
    other_key = make_update(THREE.image, TWO.image, lambda content: bytes(8) + sign(content)[8:])[0]
    assert refused(device, wrong) == refused(device, other_key) == "untrusted"
    assert refused(device, release(tuned(FIRST), 3, other_base).patch or b"") == "other base"
    assert refused(device, ONE.whole) == refused(device, release(tuned(FIRST), 2).whole) == "older"
    assert refused(device, TWO.whole) == "current"
    assert (
        refused(device, release(FIRST, 3, name="nets").whole)
        == refused(device, release(FIRST, 3, name="ne").whole)
        == "other model"
    )
    assert refused(device, release(FIRST * 2, 3).whole) == "too large"
    assert refused(device, b"") == refused(device, b"\0" * 400) == refused(device, THREE.image.whole) == "damaged"
    assert refused(device, THREE.patch or b"", name="other") == "other model"


def test_an_older_image_is_taken_when_the_caller_says_so(device: Device) -> None:
    said = device.run(*START, ("apply", ONE.whole, 1), ("runs", ONE.image.whole))
    assert results(said) == ["ok"] * 4 and said[-1] == "0 same"


def test_a_damaged_update_is_refused_wherever_the_damage_is(device: Device) -> None:
    update, rng = THREE.patch or b"", random.Random(2)
    places = [*range(0, HEADER, 3), *rng.sample(range(HEADER, len(update)), 60)]
    commands = []
    for place in places:
        changed = bytearray(update)
        changed[place] ^= 1 << rng.randrange(8)
        commands.append(("apply", bytes(changed), 0))
    commands += [("apply", update[:size], 0) for size in (1, 127, 128, 500, len(update) - 1)]
    said = device.run(*START, *commands)[2:]
    assert all(line.split()[1:] == ["0", "same"] for line in said)
    assert set(results(said)) <= {"untrusted", "damaged", "other model", "other base", "older", "too large"}


def test_an_update_signed_by_the_key_but_malformed_leaves_what_runs(device: Device) -> None:
    rng, count = random.Random(3), 0
    for _ in range(40):
        body = bytearray((THREE.patch or b"")[:-SIGNATURE])
        for _ in range(rng.choice((1, 1, 3, 40))):
            body[rng.choice((rng.randrange(HEADER, HEADER + 40), rng.randrange(12, len(body))))] = rng.randrange(256)
        update = bytes(body) + sign(bytes(body))
        said = device.run(*START, ("apply", update, 0), ("runs", TWO.image.whole), ("runs", THREE.image.whole))[2:]
        taken = results(said)[0] == "ok"  # of bytes that say nothing, such as the range code's last
        assert said[1:] == (["0 other", "0 same"] if taken else ["0 same", "0 other"]) and "flash" not in results(said)
        count += not taken
    assert count > 30


def test_an_image_that_another_key_signed_is_not_marked(device: Device) -> None:
    """The update's own signature is right: whoever made it had the key, but not for this image."""
    image = make_image(tuned(FIRST), FIRST, "net", 3, sign_otherwise)
    said = device.run(*START, ("apply", make_update(image, TWO.image, sign)[0], 0), ("runs", TWO.image.whole))
    assert results(said)[2:] == ["untrusted", "ok"] and said[-1] == "0 same"


def test_an_update_goes_on_where_it_was_cut(device: Device) -> None:
    whole, *_ = device.run(*START, ("apply", THREE.patch, 0))[2:]
    everything = int(whole.split()[1])
    for part in (0.3, 0.6, 0.95):
        cut = int(everything * part)
        said = device.run(*START, ("cut", THREE.patch, cut), ("apply", THREE.patch, 0), ("runs", THREE.image.whole))
        page = 2048 // 8 + 3
        assert results(said)[2:] == ["flash", "ok", "ok"] and said[-1] == "0 same"
        assert int(said[3].split()[1]) <= everything - cut + page


@pytest.mark.parametrize(
    ("page", "granule", "step"), [(2048, 8, 97), (4096, 32, 29), (1024, 4, 191), (256, 1, 797), (128, 16, 61), (512, 2, 397)]
)
def test_no_power_cut_leaves_a_device_without_an_image(program: Path, page: int, granule: int, step: int) -> None:
    device = Device(program, page, granule)
    for update in (THREE.patch, THREE.whole):
        *wrong, last = device.run(*START, ("cuts", update, TWO.image.whole, THREE.image.whole, 1, step, 1))[2:]
        assert not wrong, wrong
        assert int(last.split()[1]) >= 10


def test_any_image_comes_out_as_it_was(program: Path) -> None:
    """Of several blocks, with moved, repeated and changed parts, and of one byte."""
    rng, device = random.Random(4), Device(program, 4096, 8, 1 << 18)
    content, commands, base = rng.randbytes(90_000), [], None
    for version in range(1, 9):
        made: Release = release(content, version, base)
        commands += [("apply", made.patch or made.whole, 0), ("runs", made.image.whole)]
        base, cut = made, rng.randrange(len(content))
        parts = [
            content[cut:],
            content[:cut],
            bytes(rng.randrange(5000)),
            rng.randbytes(rng.randrange(900)),
            content[:cut][:20_000],
        ]
        rng.shuffle(parts)
        content = tuned(b"".join(parts)[:150_000], 0.02) if version % 2 else (b"".join(parts)[: rng.choice((1, 70_000))])
    said = device.run(*commands)
    assert results(said) == ["ok"] * 16 and said[1::2] == ["0 same"] * 8


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0plus"])
def test_the_same_on_an_emulated_core(core: str, tmp_path: Path) -> None:
    pytest.importorskip("unicorn")
    pytest.importorskip("ziglang")
    from tests.pack.ota_device.emulated import emulate

    done = emulate(core, (ONE, TWO, THREE), [(1, 0), (270, 800), (1376, 0)], tmp_path)
    assert set(done.failures) == {0} and done.changes > 1000
    assert done.work_bytes + done.stack_bytes < 8 << 10


def test_what_no_image_can_be_is_named() -> None:
    for name, version, content in (("n" * 25, 1, FIRST), ("net", 0, FIRST), ("net", 1 << 32, FIRST), ("net", 1, b"")):
        with pytest.raises(ProjectError) as caught:
            make_image(content, FIRST, name, version, sign)
        assert caught.value.code == "EP-173"
