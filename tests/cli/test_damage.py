"""What was made or deployed and has changed since: each command that would use it says so, with a code, and does not."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    with file.open("r+b") as stream:  # in place: on a device, content is shared by hard links
        stream.write(content)


def test_an_altered_pack_and_an_altered_release_are_told(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    words = (small_model, "--target", "host", "--out", tmp_path / "out", "--quiet")
    device = {"env": {"XDG_DATA_HOME": str(tmp_path / "data")}}
    assert edgepack("deploy", *words, **device).returncode in (0, 1)
    report = ("report", small_model.parent, "--out", tmp_path / "out")
    listed = ("device", "releases", "--target", "host")
    assert edgepack(*report).returncode == 0
    whole = edgepack(*listed, **device)
    assert whole.returncode == 0 and "damaged" not in whole.stdout

    _flip(tmp_path / "out" / "pack" / "model.tflite")
    for more in ((), ("--json",)):
        done = edgepack(*report, *more)
        assert (done.returncode, done.stdout) == (3, "") and done.stderr.startswith("error EP-251: model.tflite in the pack ")
        assert len(done.stderr.splitlines()) == 2
    (tmp_path / "out" / "pack" / "manifest.json").unlink()
    assert "error EP-250" in edgepack(*report).stderr

    release = (tmp_path / "data" / "edgepack" / "deployed" / small_model.stem / "current").resolve()
    _flip(release / "model.tflite")
    told = edgepack(*listed, **device)
    assert told.returncode == 4 and f"{release.name}" in told.stdout and "current  damaged" in told.stdout
    assert "error EP-534: " in told.stdout and "(model.tflite)" in told.stdout
    assert edgepack("deploy", *words, **device).returncode in (0, 1)
    assert edgepack(*listed, **device).returncode == 0, "deploying again mends it"
    sums = release / "SHA256SUMS"
    sums.write_text("".join(sums.read_text().splitlines(keepends=True)[:-1]))
    assert "SHA256SUMS" in edgepack(*listed, **device).stdout, "a list that lacks a file"


def test_the_cache_is_verified_and_mended(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    words = ("deploy", small_model, "--target", "host", "--out", tmp_path / "out")
    assert edgepack(*words).returncode in (0, 1)
    (stored,) = (tmp_path / "out" / ".edgepack" / "cache").glob("model-*")
    assert edgepack("cache", "verify", tmp_path / "out").stdout == "1 of 1 stages are what they were\n"
    for verify in ((), ("--verify-cache",)):
        _flip(stored / "model.tflite")
        again = edgepack(*words, *verify)
        assert again.returncode in (0, 1), again.stderr
        assert again.stderr.count("is damaged (model.tflite was altered); it is computed again") == 1
        assert (stored / "model.tflite").read_bytes() == small_model.read_bytes()
    _flip(stored / "model.tflite")
    told = edgepack("cache", "verify", tmp_path / "out").stdout
    assert told == f"removed {stored.name}: model.tflite was altered\n0 of 1 stages are what they were\n" and not stored.exists()
