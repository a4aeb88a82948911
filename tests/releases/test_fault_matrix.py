"""No fault of the link, the device or the deployers loses a release, in a quarter of the places where each can strike.

All places, and the table: `python -m tests.releases.fault_matrix`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(3700)
def test_no_fault_loses_a_release(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.releases.fault_matrix", "--every", "4", "--json", str(tmp_path / "rows.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3600, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert all(row["tried"] == row["old"] + row["new"] and not row["lost"] for row in rows)
    transports = {row["transport"] for row in rows}
    cuts = sum(row["tried"] for row in rows if "cut" in row["fault"])
    assert cuts >= {1: 10, 2: 30, 3: 48}[len(transports)], done.stdout
    everywhere = {"disk full at every write", "read-only folder", "runner killed", "wrong architecture", "clock skew",
                  "rebooted between upload and switch", "exit code lost", "two deployers at once",
                  "signature missing", "signature wrong", "signed with another key", "signed with a stale key",
                  "older release replayed", "blob tampered with on the device", "patch for another base",
                  "hostile device"}  # fmt: skip
    for transport in transports:
        assert everywhere <= {row["fault"] for row in rows if row["transport"] == transport}
