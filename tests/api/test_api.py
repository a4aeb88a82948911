"""The Python API: what `import edgepack` gives, and that objects do what files do."""

from __future__ import annotations

import doctest
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgepack
from edgepack.api.inputs import as_request
from edgepack.api.settings import as_overrides
from edgepack.ground.errors import EdgepackError, ProjectError
from edgepack.pipeline.request import prepare
from tests.flatbuffer.build import conv_model

ROOT = Path(__file__).resolve().parents[2]


def test_importing_it_imports_nothing_else() -> None:
    program = (
        "import sys, edgepack; print(sorted(n for n in sys.modules if n.startswith('edgepack.') or n in ('numpy', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_public_name_is_there_documented_and_no_module() -> None:
    for name in edgepack.__all__:
        value = getattr(edgepack, name)
        assert callable(value) and value.__doc__, name
        assert importlib.util.find_spec(f"edgepack.{name}") is None, f"a module edgepack.{name} would take the function's place"
    assert set(dir(edgepack)) == {*edgepack.__all__, "__version__"}
    with pytest.raises(AttributeError):
        edgepack.deplyo  # type: ignore[attr-defined]  # noqa: B018


def test_every_technique_is_a_public_name() -> None:
    from edgepack.compress import STEPS

    assert {step.__name__ for step in STEPS.values()} <= set(edgepack.__all__)
    assert all(getattr(edgepack, step.__name__) is step for step in STEPS.values())


def test_recipes_and_targets_need_no_tensorflow() -> None:
    program = (
        "import sys, edgepack; edgepack.Recipe([edgepack.Prune(sparsity=0.5), edgepack.Quantize()]); "
        "edgepack.load_target('cortex-m4'); print('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "False"


@pytest.mark.parametrize("module", ["edgepack.api.settings", "edgepack.api.load", "edgepack.compress.recipe", "edgepack.kinds"])
def test_examples_in_docstrings_are_true(module: str) -> None:
    found = doctest.testmod(importlib.import_module(module))
    assert found.attempted and not found.failed


def test_examples_in_the_guide_are_true(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testfile(str(ROOT / "docs/guides/python.md"), module_relative=False)
    assert found.attempted >= 5 and not found.failed


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"budget.ram": "32 KiB", "data.test": 0.25}, ("budget.ram=32 KiB", "data.test=0.25")),
        ({"device.threads": None, "data.image_size": (96, 64)}, ("device.threads=none", "data.image_size=[96, 64]")),
        ({"recipe.quantize.aware": False}, ("recipe.quantize.aware=false",)),
        (["budget.ram=1KiB"], ("budget.ram=1KiB",)),
    ],
)
def test_settings_are_those_of_the_command_line(settings: Any, expected: tuple[str, ...]) -> None:
    assert as_overrides(settings) == expected


_TOML = """
[model]
source = "model.h5"

[[recipe]]
step = "prune"
sparsity = 0.5

[[recipe]]
step = "quantize"
aware = false
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "edgepack.toml").write_text(_TOML)
    return tmp_path


def test_a_recipe_of_objects_is_that_of_the_file(project: Path) -> None:
    from_file = prepare(as_request(project)).recipe
    steps = [edgepack.Prune(sparsity=0.5), edgepack.Quantize(aware=False)]
    (project / "edgepack.toml").write_text('[model]\nsource = "model.h5"\n')
    for recipe in (steps, edgepack.Recipe(steps)):
        given = prepare(as_request(project, recipe=recipe)).recipe
        assert given == from_file and [step.key() for step in given] == [step.key() for step in from_file]
    read = prepare(as_request(edgepack.load_project(project), recipe=steps)).recipe
    assert read == from_file


def test_a_recipe_file_is_read_and_written_back(project: Path, tmp_path: Path) -> None:
    recipe = edgepack.Recipe.load(project / "edgepack.toml")
    (tmp_path / "again.toml").write_text(recipe.to_toml())
    assert edgepack.Recipe.load(tmp_path / "again.toml") == recipe and len(recipe) == 2
    assert prepare(as_request(project, recipe=tmp_path / "again.toml")).recipe == recipe.steps


def test_a_model_file_takes_the_place_of_the_projects(project: Path, tmp_path: Path) -> None:
    (tmp_path / "other.h5").touch()
    assert prepare(as_request(project, model=tmp_path / "other.h5")).project.model.source == str(tmp_path / "other.h5")


def test_settings_change_a_recipe_of_objects(project: Path) -> None:
    request = as_request(project, recipe=[edgepack.Prune(), edgepack.Quantize()], settings={"recipe.prune.sparsity": 0.7})
    assert prepare(request).recipe[0].options["sparsity"] == 0.7


def test_a_recipe_in_the_wrong_order_is_refused_by_its_place() -> None:
    with pytest.raises(ProjectError) as refused:
        edgepack.Recipe([edgepack.Quantize(), edgepack.Prune()])
    assert refused.value.code == "EP-404" and "recipe[1]" in str(refused.value)


def test_what_is_no_step_is_refused() -> None:
    with pytest.raises(ProjectError) as refused:
        edgepack.Recipe([edgepack.Prune(), edgepack.Quantize])  # type: ignore[list-item]
    assert refused.value.code == "EP-401" and "recipe[1]" in str(refused.value)


def test_a_model_without_a_project_has_its_results_in_the_folder(tmp_path: Path) -> None:
    plan = prepare(as_request(None, model="net.h5", data=(np.zeros((4, 2)), np.zeros(4)), folder=tmp_path, name="mine"))
    assert plan.out == tmp_path / "build" / "mine" / "cortex-m4" and plan.cache.folder == tmp_path / ".edgepack" / "cache"
    assert [step.options["aware"] for step in plan.recipe] == [False]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"project": None}, "neither a project nor a model"),
        ({"project": "PROJECT", "settings": {"data.metric": "f1"}}, "given as an object"),
        ({"project": None, "model": "m.h5", "target": "TARGET", "settings": {"budget.ram": "1 KiB"}}, "given as an object"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: dict[str, Any], text: str, project: Path) -> None:
    if arguments["project"] == "PROJECT":
        arguments = {**arguments, "project": edgepack.load_project(project)}
    if arguments.get("target") == "TARGET":
        arguments = {**arguments, "target": edgepack.load_target("cortex-m4")}
    with pytest.raises(ProjectError) as refused:
        prepare(as_request(**arguments))
    assert refused.value.code == "EP-165" and text in str(refused.value) and refused.value.hint


def test_a_ready_model_is_deployed_measured_and_judged_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "conv.tflite").write_bytes(conv_model())
    report = edgepack.deploy(
        tmp_path / "conv.tflite", target="host", settings={"budget.accuracy_drop": None, "device.runs": 10}, quiet=True
    )
    assert report.passed and report.accuracy is None and report.folder is not None and report.model_path is not None
    assert report.model_path.read_bytes() == conv_model()
    assert report.to_dict() == json.loads((report.folder / "report.json").read_text())
    inspected = edgepack.inspect(tmp_path / "conv.tflite")
    assert inspected == edgepack.inspect(conv_model()) and inspected.layers


def test_an_export_is_the_command_lines(tmp_path: Path) -> None:
    (tmp_path / "conv.tflite").write_bytes(conv_model())
    files = edgepack.export(tmp_path / "conv.tflite", "c", cpu="cortex-m4", out=tmp_path / "python", quiet=True)
    command = [sys.executable, "-m", "edgepack", "export", "conv.tflite", "--as", "c", "--cpu", "cortex-m4", "-o", "shell", "-q"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert {file.name: file.read_bytes() for file in files} == {
        file.name: file.read_bytes() for file in (tmp_path / "shell").iterdir()
    }


def _digits() -> tuple[Any, tuple[Any, ...]]:
    import keras
    from sklearn.datasets import load_digits

    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy")
    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype(np.float32), digits.target
    model.fit(x[:1400], y[:1400], epochs=3, verbose=0)
    return model, (x[:1400], y[:1400], x[1400:], y[1400:])


@pytest.mark.slow
def test_a_keras_model_and_arrays_become_a_judged_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ziglang")
    model, data = _digits()
    expected = float(np.mean(model.predict(data[2], verbose=0).argmax(axis=1) == data[3]))
    recipe = [edgepack.Prune(sparsity=0.5, epochs=1), edgepack.Quantize(aware=True, epochs=1)]
    monkeypatch.chdir(tmp_path)
    settings = {"budget.accuracy_drop": 0.2}
    report = edgepack.deploy(model=model, data=data, recipe=recipe, name="digits", settings=settings, quiet=True)
    assert (
        report.passed and report.folder == Path("build/digits/cortex-m4") and (tmp_path / report.folder / "report.html").is_file()
    )
    assert report.model is not None and report.model.baseline == pytest.approx(expected)
    assert report.accuracy is not None and report.accuracy > 0.6
    assert next(step.sparsity for step in report.steps if step.step == "prune") == pytest.approx(0.5, abs=0.02)
    assert "Accuracy drop" in report._repr_html_()
    stages = sorted(path.name for path in (tmp_path / ".edgepack" / "cache").iterdir())
    again = edgepack.deploy(model=model, data=data, recipe=recipe, name="digits", settings=settings, quiet=True)
    assert again.pack == report.pack and stages == sorted(path.name for path in (tmp_path / ".edgepack" / "cache").iterdir())
    chosen = edgepack.crossval(
        model=model, data=data, recipe=recipe, vary="prune.sparsity", values=[0.3, 0.6], folds=2, max_drop=0.5, quiet=True
    )
    assert chosen.chosen == "0.6" and chosen.file is not None and chosen.file.is_file()


def test_errors_carry_the_command_lines_codes(tmp_path: Path) -> None:
    with pytest.raises(EdgepackError) as missing:
        edgepack.deploy(tmp_path / "nothing", quiet=True)
    assert (missing.value.code, missing.value.exit_code) == ("EP-101", 2) and missing.value.hint
