"""Which targets a model fits: `run.py` is the walk, `core.py` is for microcontrollers, `machine.py` for all else."""

from __future__ import annotations

from edgepack.pipeline.fit.run import run_fit

__all__ = ["run_fit"]
