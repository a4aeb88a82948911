"""A project's own Python code runs as its author expects."""

from __future__ import annotations

import os
from pathlib import Path

from edgepack.ground.errors import DataError
from edgepack.ground.private import private_files
from edgepack.sources.user_code import user_module


def test_files_that_it_writes_follow_the_users_umask(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        "from pathlib import Path\nPath('first').write_text('x')\ndef load():\n    Path('second').mkdir()\n"
    )
    here, before = os.getcwd(), os.umask(0o002)
    os.chdir(tmp_path)
    try:
        with private_files():
            with user_module(tmp_path / "data.py", tmp_path, lambda reason: DataError("EP-300", reason)) as module:
                module.load()
            Path("third").touch()
    finally:
        os.chdir(here)
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("first", "second", "third")] == [0o664, 0o775, 0o600]
