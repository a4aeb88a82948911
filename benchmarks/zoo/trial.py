"""One .tflite, in a process of its own: inspected, compiled, compared with the reference and counted on an emulated core."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def work(job: dict[str, Any]) -> dict[str, Any]:
    """What becomes of the file job["model"] on the target job["target"], JSON-able; see `run.py`."""
    import edgepack
    from edgepack.compile import compile_model
    from edgepack.flatbuffer import read_model
    from edgepack.ground.errors import EdgepackError
    from edgepack.project import load_target

    model = Path(job["model"])
    row: dict[str, Any] = {"outcome": "finding"}
    stage = "inspect"
    try:
        found = edgepack.inspect(model)
        row |= {"bytes": found.size_bytes, "operators": found.totals.operators, "macs": found.totals.macs}
        stage = "export"
        compile_model(read_model(model), "net", load_target(job["target"]).device.cpu or "generic")
        stage = "bench"
        counted = edgepack.bench(model, target=job["target"], quiet=True).result
        assert counted is not None
    except EdgepackError as error:
        outcome = "not compared" if stage == "bench" else "refused"
        return row | {"outcome": outcome, "stage": stage, "code": error.code, "why": str(error)}
    except Exception as error:  # a fault of edgepack: what this is here to find
        return row | {"stage": stage, "why": f"{type(error).__name__}: {error}"}
    same = counted.parity.differing == 0
    return row | {
        "outcome": "same" if same else "other bits",
        "compared": counted.parity.compared,
        "differing": counted.parity.differing,
        "instructions": counted.instructions,
        "arena": counted.arena_bytes,
        "flash": counted.flash_bytes,
    }
