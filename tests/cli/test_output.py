from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edgepack.cli.output import print_json


@dataclass(frozen=True)
class Facts:
    file: Path
    values: tuple[float, ...]


def test_json_output_is_strict_whatever_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([Facts(Path("caf\udce9"), (math.nan, 0.5)), {"a": np.float32(2), "b": math.inf}])
    printed = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert printed == [{"file": "caf?", "values": [None, 0.5]}, {"a": 2.0, "b": None}]
