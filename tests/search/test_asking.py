"""What cannot be searched for is told before anything is trained, and each question has a study of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import edgepack
from edgepack.ground.errors import EdgepackError
from edgepack.metrics import load_metric
from edgepack.project import load_project, load_target
from edgepack.search.wish import study_name
from tests.flatbuffer.build import conv_model


@pytest.fixture()
def project(tmp_path: Path) -> Path:
    (tmp_path / "edgepack.toml").write_text('name = "digits"\n[model]\nsource = "model.py:build"\n[data]\nsource = "d.npz"\n')
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({"minimise": ["flash"], "target": "host"}, "EP-181", "flash"),
        ({"time": "soon"}, "EP-182", "soon"),
        ({"folds": 1}, "EP-182", "folds"),
        ({"found": "../up"}, "EP-182", "../up"),
        ({"workers": 2, "data": (0, 0)}, "EP-182", "workers"),
        ({"storage": "nothing://here"}, "EP-183", "nothing://here"),
        ({"settings": {"search.sparsity": [0.5]}}, "EP-103", "sparsities"),
        ({"settings": {"search.sparsities": [1.5]}}, "EP-105", "search.sparsities"),
        ({"settings": {"search.options.teacher": []}}, "EP-105", "teacher"),
        ({"target": "nowhere"}, "EP-107", "nowhere"),
    ],
)
def test_what_cannot_be_asked_for_is_named(project: Path, asked: dict[str, Any], code: str, said: str) -> None:
    with pytest.raises(EdgepackError) as error:
        edgepack.find_recipe(project, quiet=True, **asked)
    assert error.value.code == code and said in f"{error.value} {error.value.hint}"


def test_a_tflite_has_no_recipe_to_search_for(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(conv_model())
    with pytest.raises(EdgepackError) as error:
        edgepack.find_recipe(file, quiet=True)
    assert error.value.code == "EP-430"


def test_another_question_is_another_study(project: Path) -> None:
    target = load_target("cortex-m4")
    read = load_project(project)

    def name(target: Any = target, project: Any = read, data: str = "d", objectives: Any = ("flash",), seed: int = 0) -> str:
        plan = SimpleNamespace(project=project, metric=load_metric("accuracy", Path()), recipe=())
        model, whole = SimpleNamespace(sha256="m"), SimpleNamespace(sha256=data)
        bench: Any = SimpleNamespace(plan=plan, target=target, source=model, whole=whole)
        return study_name(bench, objectives, seed)

    others = [
        name(replace(target, budget=replace(target.budget, flash=1000))),
        name(project=load_project(project, ("search.epochs=3",))),
        name(data="other"),
        name(objectives=("ram",)),
        name(seed=1),
    ]
    assert name() == name() and len({name(), *others}) == 6 and name().startswith("edgepack-digits-cortex-m4-")
