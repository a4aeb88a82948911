"""A recipe is checked before anything runs: every fault names its line, and nothing imports TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from edgepack.compress import STEPS, check_recipe
from edgepack.ground.errors import ProjectError

from .small import step_tables

TRAIN, PRUNE, QUANTIZE = {"step": "train"}, {"step": "prune"}, {"step": "quantize"}


def refused(*tables: dict[str, Any]) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        check_recipe(step_tables(*tables))
    assert caught.value.exit_code == 2
    return caught.value


def test_every_step_has_usable_defaults() -> None:
    steps = check_recipe(step_tables(TRAIN, PRUNE, QUANTIZE))
    assert [step.label for step in steps] == ["train", "prune 50 %", "quantize int8, aware"]


def test_an_empty_recipe_is_allowed() -> None:
    assert check_recipe([]) == ()


def test_an_unknown_step_names_line_and_nearest_step() -> None:
    error = refused({"step": "prunes"}, QUANTIZE)
    assert error.code == "EP-401"
    assert "edgepack.toml:10" in str(error) and "'prune'" in error.hint


def test_an_unknown_option_names_line_and_nearest_option() -> None:
    error = refused(TRAIN, {"step": "prune", "sparsty": 0.5}, QUANTIZE)
    assert error.code == "EP-402"
    assert "edgepack.toml:22" in str(error) and "'sparsity'" in error.hint


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"step": "prune", "sparsity": 1.0}, "1.0 must be less than 1"),
        ({"step": "prune", "sparsity": "half"}, "'half' where a number is expected"),
        ({"step": "prune", "epochs": 0}, "0 must be at least 1"),
        ({"step": "prune", "epochs": 2.5}, "2.5 where"),
        ({"step": "prune", "per_layer": {"conv": 2}}, "(in per_layer.conv)"),
        ({"step": "prune", "initial_sparsity": 0.8, "sparsity": 0.5}, "above the sparsity"),
        ({"step": "prune", "learning_rate": float("nan")}, "learning_rate"),
        ({"step": "prune", "exclude": "conv"}, "a list is expected"),
    ],
)
def test_a_bad_value_says_what_is_expected(table: dict[str, Any], text: str) -> None:
    error = refused(table, QUANTIZE)
    assert error.code == "EP-403"
    assert text in str(error)


def test_a_bad_choice_lists_the_choices() -> None:
    error = refused({"step": "quantize", "scheme": "int16"})
    assert "edgepack.toml:12" in str(error) and "int16x8" in error.hint and "float16" in error.hint


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ((PRUNE, TRAIN, QUANTIZE), "train comes after prune"),
        ((QUANTIZE, PRUNE), "prune comes after quantize"),
        ((QUANTIZE, QUANTIZE), "quantize is in the recipe twice"),
        ((TRAIN, PRUNE), "every recipe ends with quantize"),
    ],
)
def test_a_step_in_the_wrong_place_is_refused_with_the_reason(tables: tuple[dict[str, Any], ...], text: str) -> None:
    error = refused(*tables)
    assert error.code == "EP-404"
    assert text in str(error) and "edgepack.toml:" in str(error) and error.hint


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"step": "quantize", "scheme": "float16", "aware": True}, "simulates int8"),
        ({"step": "quantize", "aware": False, "epochs": 3}, "epochs has no meaning"),
        ({"step": "quantize", "scheme": "dynamic", "learning_rate": 0.1}, "learning_rate has no meaning"),
        ({"step": "prune", "pattern": "2:4", "sparsity": 0.7}, "sparsity has no meaning"),
    ],
)
def test_options_that_contradict_each_other_are_refused(table: dict[str, Any], text: str) -> None:
    tables = (table,) if table["step"] == "quantize" else (table, QUANTIZE)
    error = refused(*tables)
    assert error.code == "EP-405"
    assert text in str(error)


def test_a_step_that_destroys_what_an_earlier_one_made_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(STEPS["quantize"], "keeps", frozenset())
    error = refused(PRUNE, QUANTIZE)
    assert "quantize would destroy the zeros that prune made" in str(error)


def test_schemes_other_than_int8_are_not_trained_for() -> None:
    (step,) = check_recipe(step_tables({"step": "quantize", "scheme": "int16x8"}))
    assert not step.trains and step.label == "quantize int16x8"


def test_checking_a_recipe_imports_no_tensorflow() -> None:
    code = (
        "import sys; from pathlib import Path; from edgepack.compress import check_recipe; from edgepack.convert import convert;"
        "from edgepack.project.types import StepTable, Where;"
        "check_recipe([StepTable('prune', {}, Where(Path('a'), 1)), StepTable('quantize', {}, Where(Path('a'), 2))]);"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'tf_keras', 'keras') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
