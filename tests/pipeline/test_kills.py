"""A sample of tests.pipeline.kills: `deploy` killed at random moments loses nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.kills import run


@pytest.mark.slow
def test_a_killed_deployment_loses_nothing(tmp_path: Path) -> None:
    tally = run(tmp_path, 3, 7)
    assert tally.lost == [] and tally.kills.total() >= 3 and tally.ends >= 1
