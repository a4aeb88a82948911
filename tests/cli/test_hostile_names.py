"""Files, folders and devices whose names are shell code, options or several lines: no command runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgepack.pipeline.export import FORMS
from tests.cli.conftest import Run

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
    done = edgepack("export", model, "--as", form, "--out", out)
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
