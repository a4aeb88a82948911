"""Files appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edgepack.ground.files import atomic_folder, canonical_json, hash_of, sha256_file, sha256_files, write_atomic


def test_a_failed_write_leaves_the_old_content_and_no_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    write_atomic(file, "old")

    def full_disk(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        write_atomic(file, "new")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_replaces_the_one_before_only_when_its_block_ends_well(tmp_path: Path) -> None:
    final = tmp_path / "result"
    with atomic_folder(final) as folder:
        (folder / "x").write_text("1")
    with pytest.raises(RuntimeError), atomic_folder(final) as folder:
        (folder / "x").write_text("2")
        raise RuntimeError
    assert (final / "x").read_text() == "1"
    with atomic_folder(final) as folder:
        (folder / "y").write_text("3")
    assert [path.name for path in final.iterdir()] == ["y"]
    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_a_killed_writer_never_leaves_a_folder_under_its_final_name(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from edgepack.ground.files import atomic_folder
        with atomic_folder(Path(sys.argv[1])) as folder:
            (folder / "half").write_text("x")
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "result")])
    assert done.returncode == -9
    assert not (tmp_path / "result").exists()


def test_sha256_agrees_with_the_coreutils_program(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_bytes(os.urandom(3_000_001))
    out = subprocess.run(["sha256sum", str(file)], capture_output=True, text=True, check=True).stdout
    assert sha256_file(file) == out.split()[0]


def test_equal_values_have_equal_json_and_hash_whatever_their_key_order() -> None:
    assert canonical_json({"b": 1, "a": [1.5, "ü"]}) == canonical_json({"a": [1.5, "ü"], "b": 1})
    assert hash_of({"a": 1}) != hash_of({"a": 2})


def test_the_hash_of_several_files_tells_names_and_contents_but_not_their_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    known = sha256_files([first, second])
    assert known == hashlib.sha256(b"a\x001b\x002").hexdigest() == sha256_files([second, first, second])
    second.rename(tmp_path / "c")
    assert sha256_files([first, tmp_path / "c"]) != known
    first.write_bytes(b"3")
    assert sha256_files([first]) != hashlib.sha256(b"a\x001").hexdigest()
