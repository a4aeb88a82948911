"""Keys and signatures against the real minisign: either program takes what the other made, and both refuse the same."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgepack.ground.errors import DeviceError, EdgepackError, ProjectError
from edgepack.ground.private import write_secret
from edgepack.pack import Pack, read_pack, zip_pack
from edgepack.runners.on_device import run_verify
from edgepack.signing import Signer, check_signature, generate_key, read_secret_key, read_signature, sign_pack
from edgepack.signing.keys import public_text
from edgepack.signing.secret_file import secret_file
from edgepack.signing.sign import read_signer, signature_text
from tests.standins.packs import conv_pack
from tests.standins.signing import NEW, OLD, numbered, signed

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def minisign() -> Callable[..., subprocess.CompletedProcess[str]]:
    program = shutil.which("minisign")
    if program is None:
        pytest.skip("minisign is not installed (apt-get install minisign)")

    def run(*words: object, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *map(str, words)], input=said, capture_output=True, text=True)

    return run


Minisign = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return conv_pack(tmp_path / "pack")


def test_minisign_verifies_what_edgepack_signs(minisign: Minisign, pack: Pack, tmp_path: Path) -> None:
    secret, public_file, public = generate_key(tmp_path / "own", None)
    sign_pack(pack, Signer(read_secret_key(secret, str), None, 1_700_000_000))
    manifest = pack.folder / "manifest.json"
    for key in (("-P", public.text), ("-p", public_file), ("-p", pack.folder / "signing-key.pub")):
        done = minisign("-Vm", manifest, *key)
        assert done.returncode == 0 and "timestamp:1700000000\tfile:manifest.json\thashed" in done.stdout, done.stderr
    assert minisign("-H", "-Vm", manifest, "-P", public.text).returncode == 0, "it is the prehashed form"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert minisign("-Vm", manifest, "-P", public.text).returncode != 0


def test_minisign_signs_with_a_key_of_edgepack_and_edgepack_verifies_it(minisign: Minisign, pack: Pack, tmp_path: Path) -> None:
    secret, public_file, public = generate_key(tmp_path / "own", None)
    manifest = pack.folder / "manifest.json"
    for form in ([], ["-l"]):
        done = minisign("-S", *form, "-m", manifest, "-s", secret)
        assert done.returncode == 0, done.stderr
        shutil.copy(public_file, pack.folder / "signing-key.pub")
        found = read_signature(pack.folder)
        assert found is not None
        check_signature(pack.folder, found)
        assert run_verify.parse_signature(found.signature.encode()).prehashed == (not form)
        assert run_verify.parse_key(found.key.encode()) == public
    text = (pack.folder / "manifest.json.minisig").read_text()
    (pack.folder / "manifest.json.minisig").write_text(text.replace("timestamp:", "timestamp:9"))
    with pytest.raises(DeviceError) as caught:
        check_signature(pack.folder, read_signature(pack.folder))  # type: ignore[arg-type]
    assert caught.value.code == "EP-571"


def test_a_key_of_minisign_signs_byte_for_byte_as_minisign_does(minisign: Minisign, pack: Pack, tmp_path: Path) -> None:
    secret, manifest = tmp_path / "theirs.key", pack.folder / "manifest.json"
    assert minisign("-G", "-W", "-p", tmp_path / "theirs.pub", "-s", secret).returncode == 0
    assert minisign("-Sm", manifest, "-s", secret).returncode == 0
    written = (pack.folder / "manifest.json.minisig").read_bytes()
    stamp = run_verify.time_stamp(run_verify.parse_signature(written))
    key = read_secret_key(secret, str)
    assert signature_text(key, manifest.read_bytes(), "manifest.json", stamp) == written
    sign_pack(pack, Signer(key, None, stamp))
    assert (pack.folder / "manifest.json.minisig").read_bytes() == written
    assert (pack.folder / "signing-key.pub").read_bytes() == (tmp_path / "theirs.pub").read_bytes()


@pytest.mark.parametrize("number", ["b29acaf709e7ed24", "b29acaf709ea4d02", "b29acaf709e70000", "0000000000000000"])
def test_a_public_key_is_written_as_minisign_writes_it(minisign: Minisign, tmp_path: Path, number: str) -> None:
    secret = tmp_path / "secret.key"
    key = numbered(OLD, bytes.fromhex(number))
    write_secret(secret, secret_file(key.public.number, key.seed, key.public.key, None, bytes(32)))
    done = minisign("-R", "-s", secret, "-p", tmp_path / "theirs.pub")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "theirs.pub").read_bytes() == public_text(key.public)


@pytest.mark.slow  # scrypt with 1 GiB
def test_encrypted_keys_of_either_open_in_both(
    minisign: Minisign, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, own = tmp_path / "theirs.key", tmp_path / "own.key"
    said = f"{PASSWORD}\n{PASSWORD}\n"
    assert minisign("-G", "-p", tmp_path / "theirs.pub", "-s", theirs, said=said).returncode == 0
    generate_key(tmp_path / "own", lambda path: PASSWORD)
    monkeypatch.setenv("EDGEPACK_SIGN_PASSWORD", PASSWORD)
    for secret in (theirs, own):
        sign_pack(pack, read_signer(secret, None))
        assert minisign("-Vm", pack.folder / "manifest.json", "-p", secret.with_suffix(".pub")).returncode == 0
    done = minisign("-Sm", pack.folder / "manifest.json", "-s", own, said=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    check_signature(pack.folder, read_signature(pack.folder))  # type: ignore[arg-type]
    for wrong in ("wrong", ""):
        monkeypatch.setenv("EDGEPACK_SIGN_PASSWORD", wrong)
        assert refusal(lambda: read_signer(theirs, None)) == "EP-191"


def test_an_endorsement_is_a_signature_that_minisign_verifies(minisign: Minisign, pack: Pack) -> None:
    signed(pack, NEW, 200, endorser=OLD)
    key = pack.folder / "signing-key.pub"
    assert minisign("-Vm", key, "-P", OLD.public.text).returncode == 0
    assert minisign("-Vm", key, "-P", NEW.public.text).returncode != 0
    assert minisign("-Vm", pack.folder / "manifest.json", "-P", NEW.public.text).returncode == 0
    signed(pack, NEW, 200)
    assert not (pack.folder / "signing-key.pub.minisig").exists(), "an endorsement is for the release it was asked for"


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(EdgepackError) as caught:
        work()
    assert str(caught.value) and caught.value.hint
    return caught.value.code


def test_key_files_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, public_file, _ = generate_key(tmp_path / "own", None)
    lines = secret.read_bytes().split(b"\n")
    data = base64.b64decode(lines[1])

    def spoilt(content: bytes) -> str:
        other = tmp_path / "spoilt.key"
        other.write_bytes(content)
        return refusal(lambda: read_secret_key(other, str))

    def encoded(content: bytes) -> bytes:
        return lines[0] + b"\n" + base64.b64encode(content) + b"\n"

    assert refusal(lambda: read_secret_key(tmp_path / "none.key", str)) == "EP-190"
    assert refusal(lambda: read_secret_key(tmp_path, str)) == "EP-190"
    for content in (
        b"",
        lines[0],
        public_file.read_bytes(),
        encoded(data[:-1]),
        encoded(data + b"\0"),
        encoded(b"EC" + data[2:]),
        encoded(data[:2] + b"Xy" + data[4:]),
        encoded(data[:70] + bytes([data[70] ^ 1]) + data[71:]),
        encoded(data[:110] + bytes([data[110] ^ 1]) + data[111:]),
        encoded(data[:-1] + b"\1"),
        encoded(data[:2] + b"Sc" + data[4:38] + b"\xff" * 16 + data[54:]),
        lines[0] + b"\n" + b"!" + lines[1][1:],
        b"\xff" * 20_000,
    ):
        assert spoilt(content) == "EP-190", content
    encrypted = tmp_path / "encrypted.key"
    encrypted.write_bytes(
        encoded(data[:2] + b"Sc" + data[4:38] + (1 << 15).to_bytes(8, "little") + (1 << 24).to_bytes(8, "little") + data[54:])
    )
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    monkeypatch.delenv("EDGEPACK_SIGN_PASSWORD", raising=False)
    assert refusal(lambda: read_signer(encrypted, None)) == "EP-192"
    monkeypatch.setenv("EDGEPACK_SIGN_PASSWORD", "any")
    assert refusal(lambda: read_signer(encrypted, None)) == "EP-191"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    assert refusal(lambda: read_signer(secret, None)) == "EP-194"


def test_a_secret_key_is_for_its_owner_alone_and_is_never_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    monkeypatch.setenv("EDGEPACK_CACHE", str(shared))  # what is private is a group's there, but for keys
    secret, public_file, _ = generate_key(tmp_path / "own", None)
    assert secret.stat().st_mode & 0o777 == 0o600 and public_file.stat().st_mode & 0o444 == 0o444
    before = secret.read_bytes()
    for gone in (None, public_file):
        if gone is not None:
            gone.unlink()
        with pytest.raises(ProjectError) as caught:
            generate_key(tmp_path / "own", None)
        assert caught.value.code == "EP-193" and secret.read_bytes() == before
    assert refusal(lambda: generate_key(tmp_path / "nowhere" / "own", None)) == "EP-190"


def test_a_pack_stays_what_it_is_when_it_is_signed(pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bytes and the same id; with SOURCE_DATE_EPOCH the signature is the same too, and it travels in the .zip."""
    secret, _, _ = generate_key(tmp_path / "own", None)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    twin = conv_pack(tmp_path / "twin")
    before = {path.name: path.read_bytes() for path in pack.folder.rglob("*") if path.is_file()}
    for one in (pack, twin):
        sign_pack(one, read_signer(secret, None))
    after = {path.name: path.read_bytes() for path in pack.folder.rglob("*") if path.is_file()}
    assert {name: after[name] for name in before} == before and set(after) - set(before) == {
        "manifest.json.minisig",
        "signing-key.pub",
    }
    assert after == {path.name: path.read_bytes() for path in twin.folder.rglob("*") if path.is_file()}
    assert read_pack(pack.folder).id == pack.id
    first, second = (zip_pack(one, tmp_path / f"{number}.zip").read_bytes() for number, one in enumerate((pack, twin)))
    assert first == second and b"conv/manifest.json.minisig" in first
