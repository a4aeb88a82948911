"""The first front of a small model: within the budgets by what other means measure, and plain where nothing fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgepack
from edgepack.ground.progress import SilentProgress
from edgepack.pipeline.build import load_inputs
from edgepack.pipeline.given import Given
from edgepack.pipeline.request import Plan, Request, prepare
from edgepack.project import load_target
from edgepack.search.choices import Space
from edgepack.search.front import Front, first_front, front_of, meets
from edgepack.sources import import_tf_keras

pytestmark = pytest.mark.slow

SPACE = Space(sparsities=(0.5, 0.9), clusters=(16,), weights=("ternary",), removed=(0.5,))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("front")


@pytest.fixture(scope="module")
def given(folder: Path) -> Given:
    """Two convolutions and a wide dense layer, hardly trained, on stripes."""
    keras = import_tf_keras()
    keras.utils.set_random_seed(0)
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 300)
    x = draw.normal(size=(300, 8, 8, 1)).astype(np.float32)
    x[np.arange(300), labels * 2] += 3
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu", name="first"),
            layers.Conv2D(16, 3, activation="relu", name="second"),
            layers.Flatten(),
            layers.Dense(32, activation="relu", name="wide"),
            layers.Dense(4, activation="softmax", name="last"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, labels, epochs=4, verbose=0)
    return Given(model=model, data=((x[:240], labels[:240]), (x[240:], labels[240:])), folder=folder, name="stripes")


def found(given: Given, target: Any) -> tuple[Front, Plan]:
    progress = SilentProgress()
    plan = prepare(Request(project=None, given=given, target=target), progress)
    source, data = load_inputs(plan, progress)
    assert data is not None
    return first_front(plan, source, data, SPACE, progress), plan


def with_budget(name: str, **limits: Any) -> Any:
    target = load_target(name)
    return replace(target, budget=replace(target.budget, **{"latency_p50": None, "ram": None, "flash": None, **limits}))


def test_designs_are_within_the_budget_and_none_is_better_than_another(given: Given) -> None:
    front, _ = found(given, with_budget("cortex-m4", flash=12_000))
    assert front.plain.flash is not None and front.plain.flash > 12_000  # or the budget would ask for nothing
    assert front.met and not front.says and 3 <= len(front.candidates) <= 10
    fitting = [each for each in front.candidates if meets(each.figures, {"flash": 12_000})]
    assert fitting and min(each.loss for each in fitting) > 0
    assert front_of(front.candidates) == list(front.candidates)
    assert {name for each in front.candidates for name in each.design.treatments} == {"first", "second", "wide", "last"}
    harder = [row for row in front.table if row.layer == "wide" and row.what in ("50 % zeros", "90 % zeros")]
    assert harder[0].loss < harder[1].loss and harder[0].bytes > harder[1].bytes


def test_a_candidates_figures_are_what_bench_measures_of_its_file(given: Given) -> None:
    target = with_budget("cortex-m4", flash=12_000)
    front, plan = found(given, target)
    chosen = front.candidates[0]
    files = plan.cache.folder.glob("untrained-*/model.tflite")
    sizes = []
    for file in files:
        measured = {each.quantity: each.value for each in edgepack.bench(file, target=target, quiet=True).measurements}
        sizes.append((measured["flash"], measured["ram"]))
        if sizes[-1] == (chosen.figures.flash, chosen.figures.ram):
            break
    assert (chosen.figures.flash, chosen.figures.ram) in sizes


def test_budgets_that_nothing_meets_are_told_with_the_nearest_design(given: Given) -> None:
    front, _ = found(given, with_budget("cortex-m4", flash=1000))
    assert not front.met and "flash" in front.says and "1,000" in front.says
    assert min(each.figures.flash or 0 for each in front.candidates) < 0.5 * (front.plain.flash or 0)


def test_for_a_device_that_runs_the_file_its_size_and_operations_fall(given: Given) -> None:
    front, _ = found(given, with_budget("rpi"))
    assert front.met and len(front.candidates) >= 2
    assert min(each.figures.macs for each in front.candidates) < front.plain.macs
    assert all(not each.sparsity and not each.few_bits for one in front.candidates for each in one.design.treatments.values())
