"""The C decoders: what Python encodes they decode, in portions of any size, and no damage makes them leave their buffers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from edgepack.coding import CODES
from tests.coding.decoders import build, damaged, decoded
from tests.coding.tensors import tensors

TENSORS = tensors(1000)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("decoders"))


@pytest.mark.parametrize("which", range(len(CODES)), ids=[code.name for code in CODES])
def test_c_decodes_what_python_encodes(program: Path, which: int) -> None:
    tried = 0
    for name, values in TENSORS.items():
        coded = CODES[which].encode(values)
        if coded is None:
            continue
        tried += 1
        for portion in (8, 40, 1000):
            assert np.array_equal(decoded(program, which, coded, values.size, portion), values), (name, portion)
    assert tried >= 5


def test_damaged_codes_stay_in_their_buffers(program: Path) -> None:
    """Two thousand of them; `python -m benchmarks.coding.damaged` tries a million."""
    done = subprocess.run([program], input=damaged(1, 2000), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[:2000]
    assert len(done.stdout) == 4 * 2000
