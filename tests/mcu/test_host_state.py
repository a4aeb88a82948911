"""Examples on the host: a sequence keeps a model's state, independent ones start afresh."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgepack.mcu.host import build_host, run_host
from edgepack.mcu.toolchain.program import ports_of

FILES = {
    "count.h": """#include <stdint.h>
#define COUNT_ARENA_SIZE 16
int count_run(const int8_t *input, int8_t *output, void *arena);
void count_reset(void *arena);
""",
    "count.c": """#include "count.h"
int count_run(const int8_t *input, int8_t *output, void *arena)
{
    int8_t *state = arena;
    state[0] = (int8_t)(state[0] + input[0]);
    output[0] = state[0];
    return 0;
}
void count_reset(void *arena)
{
    ((int8_t *)arena)[0] = 0;
}
""",
}


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_state_is_kept_in_a_sequence_and_reset_between_independent_examples(tmp_path: Path) -> None:
    inputs = np.array([[1], [2], [3]], np.int8)
    program = build_host(FILES, "count", ports_of((inputs,)), ports_of((inputs,)), tmp_path)
    (sequence,) = run_host(program, (inputs,))
    (independent,) = run_host(program, (inputs,), independent=True)
    assert sequence.ravel().tolist() == [1, 3, 6]
    assert independent.ravel().tolist() == [1, 2, 3]
