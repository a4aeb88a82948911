"""What a device can be given to run models with, for the bill of materials: known before anybody asked the device."""

from __future__ import annotations

from edgepack.engines.pins import pinned
from edgepack.engines.wheels import LIBRARIES, RUNTIMES, numpy_for


def brought_along(engine: str) -> dict[str, dict[str, str]]:
    """Every wheel that a device can be given for an engine, as SHA-256 by file name, by requirement; none for engine "c"."""
    in_c = engine.startswith("tflite-c")
    rows = [row.requirement for row in RUNTIMES if engine == "auto" or (not in_c and engine.partition("-")[0] == row.engine)]
    if rows:
        rows += [numpy_for(python) for python in ((3, 12), (3, 13))]
    rows += [row.requirement for row in LIBRARIES if engine == "auto" or in_c]
    return {requirement: pinned(requirement) for requirement in rows}
