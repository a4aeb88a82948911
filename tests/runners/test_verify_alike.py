"""The runner in Python and the runner in C, under sanitizers, judge the same release alike, whatever was done to it."""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edgepack.runners import parse_result
from edgepack.runners.c_sources import NATIVE, include_flags, runner_sources
from edgepack.runners.native import write_program_code
from edgepack.runners.on_device import run_verify
from edgepack.workers.result import RunnerFailure
from tests.flatbuffer.build import conv_model
from tests.standins.packs import conv_pack
from tests.standins.signing import NEW, OLD, signed


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    folder = tmp_path_factory.mktemp("program")
    (folder / "model.tflite").write_bytes(conv_model())
    write_program_code(folder / "model.tflite", folder / "code")
    sources = [*runner_sources(NATIVE), *sorted((folder / "code").glob("*.c"))]
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    words = [gcc, "-std=gnu11", "-O1", "-g", *sanitize, *include_flags(NATIVE), f"-I{folder / 'code'}", *map(str, sources)]
    subprocess.run([*words, "-o", str(folder / "run"), "-lm"], check=True)
    return folder / "run"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed release, with the endorsement of its key, and names that JSON has to write with escapes."""
    folder = tmp_path_factory.mktemp("release")
    pack = conv_pack(folder / "pack", name="conv", title='“ü” \U0001f600 "\\\t', ballast=10)
    (folder / "trust" / "accepted").mkdir(parents=True)
    (folder / "trust" / "key.pub").write_bytes(signed(pack, OLD, 100).folder.joinpath("signing-key.pub").read_bytes())
    (folder / "trust" / "accepted" / "conv").write_text("100\n")
    signed(pack, NEW, 200, endorser=OLD)
    return folder


def in_python(folder: Path, trust: Path) -> str:
    try:
        return json.dumps(run_verify.verify(str(folder), None, str(trust), "conv", "deploy"), sort_keys=True)
    except run_verify.Refused as refused:
        return refused.kind


def in_c(program: Path, folder: Path, trust: Path) -> str:
    words = [str(program), "verify", "--folder", str(folder), "--trust", str(trust), "--name=conv"]
    done = subprocess.run(words, capture_output=True, env={"ASAN_OPTIONS": "detect_leaks=0"})
    assert b"runtime error" not in done.stderr and b"Sanitizer" not in done.stderr, done.stderr.decode()
    try:
        return json.dumps(parse_result(done.stdout), sort_keys=True)
    except RunnerFailure as failure:
        return failure.kind


def stored(trust: Path) -> dict[str, bytes]:
    return {str(path.relative_to(trust)): path.read_bytes() for path in trust.rglob("*") if path.is_file()}


def alike(program: Path, release: Path, work: Path, change: Callable[[Path, Path], object]) -> str:
    """What both say of the release after `change`, and that they store the same."""
    said, kept = [], []
    for number, judge in enumerate((in_python, lambda folder, trust: in_c(program, folder, trust))):
        place = work / str(number)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(release, place)
        change(place / "pack", place / "trust")
        said.append(judge(place / "pack", place / "trust"))
        kept.append(stored(place / "trust"))
    assert said[0] == said[1] and kept[0] == kept[1]
    return said[0]


def test_a_release_that_is_right_and_what_is_stored_of_it(program: Path, release: Path, tmp_path: Path) -> None:
    said = json.loads(alike(program, release, tmp_path, lambda folder, trust: None))
    assert said == {"key": NEW.public.text, "time": 200, "change": "changed"}
    trusted = stored(tmp_path / "1" / "trust")
    assert trusted["accepted/conv"] == b"200\n" and trusted["retired"] == OLD.public.text.encode() + b"\n"
    first = json.loads(alike(program, release, tmp_path, lambda folder, trust: shutil.rmtree(trust)))
    assert first["change"] == "first"


@pytest.mark.parametrize(
    "name", ["manifest.json.minisig", "signing-key.pub", "signing-key.pub.minisig", "../trust/key.pub", "../trust/accepted/conv"]
)
def test_damaged_files(program: Path, release: Path, tmp_path: Path, name: str) -> None:
    """Bytes changed, taken and put in; nothing that differs from what was signed passes but in a comment that nobody trusts."""
    generator = random.Random(name)
    content = (release / "pack" / name).read_bytes()
    for _ in range(12):
        at = generator.randrange(len(content))
        spoilt = generator.choice(
            [
                content[:at],
                content[:at] + bytes([generator.randrange(256)]) + content[at + 1 :],
                content[:at] + content[at + 1 :],
                content[:at] + bytes([generator.choice(b"\n\r\t =A9\0\xff")]) + content[at:],
            ]
        )
        alike(program, release, tmp_path, lambda folder, trust, spoilt=spoilt: (folder / name).write_bytes(spoilt))


def test_manifests_that_are_signed_and_are_none(program: Path, release: Path, tmp_path: Path) -> None:
    """What the holder of the key signs is JSON in any form, or is refused; C reads what Python reads."""
    from edgepack.signing.sign import signature_text

    manifest = json.loads((release / "pack" / "manifest.json").read_text())

    def sign(content: bytes) -> str:
        def change(folder: Path, trust: Path) -> None:
            (folder / "manifest.json").write_bytes(content)
            (folder / "manifest.json.minisig").write_bytes(signature_text(NEW, content, "manifest.json", 300))

        return alike(program, release, tmp_path, change)

    files = manifest["files"]
    model = files["model.tflite"]
    right = [
        manifest,
        {**manifest, "more": [[], {}, "", 1e5, -1, True, None, "\u0001\u20ac\U0001f600"]},
        {"name": "conv", "files": files},
    ]
    wrong = [
        {},
        [],
        {"name": "conv"},
        {"files": files},
        {"name": "other", "files": files},
        {"name": "conv", "files": {}},
        {"name": "conv", "files": {**files, "none": model}},
        {"name": "conv", "files": {**files, "/etc/passwd": model}},
        {"name": "conv", "files": {**files, "golden/../model.tflite": model}},
        {"name": "conv", "files": {**files, "golden": model}},
        {"name": "conv", "files": {**files, "model.tflite": {"bytes": 1, "sha256": model["sha256"]}}},
        {"name": "conv", "files": {**files, "model.tflite": {"bytes": model["bytes"], "sha256": "0" * 64}}},
        {"name": "conv", "files": {**files, "model.tflite": {"bytes": model["bytes"]}}},
        {"name": "conv", "files": {**files, "model.tflite": 1}},
    ]
    for value in right:
        for text in (json.dumps(value), json.dumps(value, indent=3, ensure_ascii=False)):
            assert "change" in sign(text.encode()), text
    for value in wrong:
        assert sign(json.dumps(value).encode()) in ("altered", "signature"), value
    whole = json.dumps({"name": "conv", "files": files}).encode()
    for content in (
        b"",
        b"{",
        whole[:-1],
        whole[: len(whole) // 2],
        whole + b" ",
        b"[" * 5000,
        b'{"a": "\\ud800"}',
        b'{"a": "\\',
    ):
        sign(content)


def test_the_command_lines_are_alike() -> None:
    from edgepack.runners.on_device import run

    options: argparse.Namespace = run.parse(["verify", "--folder", "f", "--trust", "t", "--name=-rf *"])
    assert (options.name, options.mode, options.signature) == ("-rf *", "deploy", None)
