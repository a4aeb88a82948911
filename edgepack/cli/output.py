"""How commands print: JSON on standard output, and the programs that are run when asked for."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from pathlib import Path
from typing import Any


def print_json(value: Any) -> None:
    """Dataclasses, or anything JSON-able, as indented JSON on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def setup_verbose(verbose: bool) -> None:
    """With `verbose`, show on standard error every program that edgepack runs (the logger "edgepack")."""
    if verbose:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("  $ %(message)s"))
        logger = logging.getLogger("edgepack")
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
