"""Where the files are that run on devices."""

from __future__ import annotations

from pathlib import Path

ON_DEVICE = Path(__file__).parent / "on_device"
RUNNER = ON_DEVICE / "run.py"
_PARTS = ("run_conditions.py", "run_energy.py", "run_bench.py", "run_ed25519.py", "run_verify.py", "run.py")
RUNNER_FILES = tuple(ON_DEVICE / name for name in _PARTS)
"""Everything a device with Python needs; run.py last, so that where it is the others are."""
