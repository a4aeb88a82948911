"""Files, folders and devices whose names are shell code, options or several lines: no command runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edgepack.mcu.toolchain.compilers import zig_present
from edgepack.pipeline.export import FORMS
from tests.cli.conftest import Run
from tests.hostile import HOSTILE, harmful
from tests.pack.hostile_model import hostile_model

FOLDER = 'it\'s "$(touch pwned)";touch pwned;\n`touch pwned` & x'
FILE = "-rf $(touch pwned) 'q'\n;touch pwned.tflite"


@pytest.fixture
def model(small_model: Path, tmp_path: Path) -> Path:
    folder = tmp_path / FOLDER
    folder.mkdir()
    shutil.copyfile(small_model, folder / FILE)
    return folder / FILE


def _nothing_ran(*folders: Path) -> bool:
    places = [place for folder in (*folders, Path.cwd(), Path.home()) for place in (folder, folder / "home")]
    return not any(path.name == "pwned" for place in places if place.is_dir() for path in place.iterdir())


@pytest.mark.slow
def test_a_model_is_deployed_listed_and_removed(edgepack: Run, model: Path, tmp_path: Path) -> None:
    root = tmp_path / "ro'ot $(touch pwned);x"
    where = ("--target", "host", "--set", f"device.root={root}")
    out = tmp_path / f"out {FOLDER}"
    done = edgepack("deploy", model, *where, "--set", "device.runs=5", "--out", out, "--zip", tmp_path / FOLDER / "$(z).zip")
    assert done.returncode in (0, 1) and (out / "report.html").is_file(), done.stderr
    name = "rf-touch-pwned-q-touch-pwned"
    assert f"{name}  " in edgepack("device", "releases", model, *where).stdout
    assert "no release before" in edgepack("rollback", model, *where).stderr
    assert "nothing is left" in edgepack("uninstall", model, *where).stdout
    assert _nothing_ran(tmp_path, model.parent, out, root)


@pytest.mark.slow
@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_export_has_a_plain_name(edgepack: Run, model: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"out {FOLDER}"
    signing: list[str | Path] = []
    if FORMS[form].minisign:
        pytest.importorskip("cryptography", reason="keys are made with cryptography")
        assert edgepack("keys", "new", tmp_path / "key", "--no-password").returncode == 0
        signing = ["--sign", tmp_path / "key.key", "--image-version", "1", "--name", "net"]  # a name of 24 bytes at most
    done = edgepack("export", model, "--as", form, "--out", out, *signing)
    assert done.returncode == 0, done.stderr
    files = [path for path in out.rglob("*") if path.is_file()]
    assert files and _nothing_ran(tmp_path, model.parent, out)
    for file in files:
        assert file.relative_to(out).as_posix().isascii() and "$" not in file.relative_to(out).as_posix()
        assert b"$(touch pwned)" not in file.read_bytes(), f"{file.name} holds the name as it is"


@pytest.mark.parametrize("target", ["rpi", "android"])
@pytest.mark.parametrize("address", ["-oProxyCommand=touch pwned", "-oProxyCommand=touch${IFS}pwned", "$(touch pwned)", "a\nb"])
def test_an_address_that_is_none_is_refused(edgepack: Run, small_model: Path, tmp_path: Path, target: str, address: str) -> None:
    done = edgepack("bench", small_model, "--target", target, f"--device={address}")
    assert done.returncode == 2 and "error EP-109: " in done.stderr, done.stderr
    assert _nothing_ran(tmp_path)


@pytest.mark.parametrize("address", ["$(touch${IFS}pwned)", "x;touch${IFS}pwned", "`id`", "user@-oProxyCommand=x", "a|b"])
def test_an_ssh_address_of_shell_code_is_refused(edgepack: Run, small_model: Path, tmp_path: Path, address: str) -> None:
    done = edgepack("bench", small_model, "--target", "rpi", "--device", address)
    assert done.returncode == 4 and "error EP-500: " in done.stderr, done.stderr
    assert _nothing_ran(tmp_path)


@pytest.mark.parametrize(("name", "code"), [("$(touch pwned)", "EP-531"), ("-rf", "EP-531"), ("..", "EP-1"), (".x", "EP-524")])
def test_a_name_to_uninstall_is_only_a_name(edgepack: Run, tmp_path: Path, name: str, code: str) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "kept").write_text("")
    done = edgepack("uninstall", "--target", "host", "--set", f"device.root={tmp_path / 'root'}", "--", name)
    assert f"error {code}" in done.stderr and (tmp_path / "root" / "kept").is_file(), done.stderr
    assert _nothing_ran(tmp_path, tmp_path / "root")


NAMES = list(HOSTILE.values())
ON_COMMAND_LINES = [name for name in NAMES if "\0" not in name and len(name) < 200]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A model whose tensors have every hostile name, in a file with one."""
    file = tmp_path / "a\x1b]0;t\x07\u202e[red]\x9b2J.tflite"
    file.write_bytes(hostile_model(NAMES))
    return file


def test_a_hostile_model_is_inspected_as_text(edgepack: Run, hostile: Path) -> None:
    shown = edgepack("inspect", hostile)
    assert shown.returncode == 0 and not harmful(shown.stdout + shown.stderr)
    assert "$(touch pwned)" in shown.stdout
    told = edgepack("inspect", hostile, "--json")
    assert not set(harmful(told.stdout)) - {"\U000e0041"}
    layers = {layer["layer"] for layer in json.loads(told.stdout)["layers"]}
    assert HOSTILE["direction"] in layers and "\x1b]0" in layers  # a semicolon parts the names of fused layers


def test_what_a_command_says_of_its_files_is_text(edgepack: Run, hostile: Path, tmp_path: Path) -> None:
    done = edgepack("export", hostile, "--as", "c-array", "--out", tmp_path / "out\x1b[2J\u202e", "--name", HOSTILE["title"])
    assert done.returncode == 0 and done.stdout.count("wrote ") == 2
    assert not harmful(done.stdout + done.stderr)


@pytest.mark.parametrize("command", ["inspect", "export", "report", "targets"])
def test_errors_are_two_lines_of_text(edgepack: Run, tmp_path: Path, command: str) -> None:
    name = "".join(f"[a](b){one}" for one in ON_COMMAND_LINES if "/" not in one)[:200]
    words = {"export": ("export", name, "--as", name)}.get(command, (command, name))
    done = edgepack(*words)
    lines = done.stderr.splitlines()
    assert done.returncode != 0 and lines[0].startswith("error EP-") and len(lines) <= 2, done.stderr
    assert not harmful(done.stderr)
    assert _nothing_ran(tmp_path)


def test_usage_errors_are_text(edgepack: Run) -> None:
    for name in ON_COMMAND_LINES:
        if name in (HOSTILE["title"], HOSTILE["C1"], HOSTILE["direction"]):
            done = edgepack("inspect", f"--{name}")
            assert done.returncode == 2 and not harmful(done.stderr)


@pytest.mark.slow
@pytest.mark.skipif(not zig_present(), reason="zig is not installed")
def test_a_hostile_model_runs_as_c_and_runs_nothing_else(edgepack: Run, hostile: Path, tmp_path: Path) -> None:
    done = edgepack("bench", hostile, "--target", "host", "--engine", "c", "--per-layer", "--runs", "5", "--verbose")
    assert done.returncode == 0, done.stderr
    assert not harmful(done.stdout + done.stderr) and _nothing_ran(tmp_path)
