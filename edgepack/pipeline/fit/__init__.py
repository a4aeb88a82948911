"""Which targets a model fits: `run.py` is the walk, `core.py` a microcontroller, `machine.py` a phone or board, `changes.py` advice."""

from __future__ import annotations

from edgepack.pipeline.fit.run import run_fit

__all__ = ["run_fit"]
