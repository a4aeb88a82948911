"""Of a project's cache and pack, damaged at random, nothing is believed: a sample of `python -m tests.pipeline.corruption`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.corruption import run, table


@pytest.mark.slow
def test_no_damage_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    tally = run(tmp_path, count=24, seed=3)
    assert not tally.wrong and tally.tried.total() >= 24, table(tally)
