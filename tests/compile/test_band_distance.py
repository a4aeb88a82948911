"""How far below its input a banded call's output may start: against every pair of a write and a later read, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from edgepack.compile.bands import Rows, _distance, schedule


def random_layers(rng: np.random.Generator) -> tuple[list[Rows], int]:
    layers, height = [], int(rng.integers(8, 60))
    for _ in range(int(rng.integers(2, 5))):
        kernel, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        pad = int(rng.integers(0, kernel))
        out = (height + 2 * pad - kernel) // stride + 1
        if out < 1:
            break
        layers.append(Rows(height, kernel, stride, 1, pad))
        height = out
    return layers, height


@pytest.mark.parametrize("seed", range(60))
def test_no_round_writes_over_what_a_later_one_reads_and_none_is_kept_apart_for_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers, height = random_layers(rng)
    if not layers:
        layers, height = [Rows(20, 3, 1, 1, 1)], 20
    in_line, out_line = (int(n) for n in rng.integers(1, 40, 2))
    plan = list(schedule(layers, height, int(rng.integers(1, 5))))
    least = -layers[0].in_h * in_line  # no output need start behind the input's end
    for number, works in enumerate(plan):
        written = works[-1].end * out_line
        for later in plan[number + 1 :]:
            for row in range(later[0].first, later[0].end):
                least = max(least, written - layers[0].needed(row, row + 1)[0] * in_line)
    assert _distance(layers[0], plan, in_line, out_line) == least
