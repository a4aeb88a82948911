"""Many devices at once leave nothing running and nothing lying about; fifty of them: `python benchmarks/fifty_devices.py`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.standins.sshd import require_openssh


@pytest.mark.slow
def test_more_devices_than_workers_in_one_command_leave_nothing_behind() -> None:
    require_openssh()
    program = Path(__file__).parents[2] / "benchmarks" / "fifty_devices.py"
    command = [sys.executable, str(program), "--devices", "12", "--once"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 devices" in done.stdout and "left behind: nothing" in done.stdout
