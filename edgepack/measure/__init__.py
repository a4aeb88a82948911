"""Numbers from the deployed artifact: accuracy, latency, memory, parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgepack.measure.types import Measurement

if TYPE_CHECKING:
    from edgepack.measure.bare_model import bench
    from edgepack.measure.deployed import Measured, measure
    from edgepack.measure.layers import LayerTimes

__all__ = ["LayerTimes", "Measured", "Measurement", "bench", "measure"]


def __getattr__(name: str) -> Any:
    """Everything but the plain types is imported when it is used: reports and judges need no devices."""
    if name == "bench":
        from edgepack.measure.bare_model import bench

        return bench
    if name in ("measure", "Measured"):
        from edgepack.measure import deployed

        return getattr(deployed, name)
    if name == "LayerTimes":
        from edgepack.measure.layers import LayerTimes

        return LayerTimes
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
