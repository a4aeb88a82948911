from __future__ import annotations

import os

import pytest

from edgepack.ground.errors import ProjectError
from edgepack.project import load_project, split_overrides

GOOD = """\
[model]
source = "model.py:build"

[data]
source = "data.py:load"
metric = "accuracy"

[data.preprocessing]
mean = [0.5, 0.25]
note = "RGB, 0 to 1"

[[recipe]]
step = "prune"
sparsity = 0.5

[[recipe]]
step = "quantize"
scheme = "int8"
aware = true
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text, folder="my project"):
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        (root / "edgepack.toml").write_text(text)
        return root

    return write


def failure(folder, *overrides):
    with pytest.raises(ProjectError) as caught:
        load_project(folder, overrides)
    assert caught.value.exit_code == 2
    return caught.value


def line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_project_is_read_with_defaults_and_a_name_from_its_folder(write):
    project = load_project(write(GOOD, "Über Net 2"))
    assert project.name == "uber-net-2"
    assert project.model.source == "model.py:build"
    assert project.data.metric == "accuracy"
    assert project.data.preprocessing == {"mean": [0.5, 0.25], "note": "RGB, 0 to 1"}
    assert (project.data.validation, project.data.seed, project.data.representative) == (0.1, 0, 200)


def test_a_recipe_keeps_its_order_its_options_and_their_places(write):
    project = load_project(write(GOOD))
    assert [step.step for step in project.recipe] == ["prune", "quantize"]
    assert project.recipe[1].options == {"scheme": "int8", "aware": True}
    assert str(project.recipe[1].at("aware")) == f"my project/edgepack.toml:{line_of(GOOD, 'aware')}"
    assert str(project.recipe[0].at("not written")) == f"my project/edgepack.toml:{line_of(GOOD, '[[recipe]]')}"


def test_the_file_itself_can_be_given(write):
    root = write(GOOD)
    assert load_project(root / "edgepack.toml") == load_project(root)


@pytest.mark.parametrize(
    ("old", "new", "code", "message", "hint"),
    [
        ('metric = "', 'metrik = "', "EP-103", "unknown key 'metrik' in [data]", "did you mean 'metric'?"),
        ('source = "model', 'sorce = "model', "EP-103", "unknown key 'sorce' in [model]", "did you mean 'source'?"),
        ("[data.preprocessing]", "[data.preprocesing]", "EP-103", "unknown key 'preprocesing' in [data]", "'preprocessing'"),
        ("mean =", "maen =", "EP-103", "unknown key 'maen' in [data.preprocessing]", "did you mean 'mean'?"),
        ('source = "model.py:build"', "weights = 'w.h5'", "EP-104", "[model] lacks 'source'", "add source"),
        ('step = "prune"', "stepp = 'prune'", "EP-104", "[recipe[1]] lacks 'step'", "add step"),
        ('metric = "accuracy"', "metric = 3", "EP-105", "data.metric: the number 3 where text in quotes is expected", "text"),
        ('metric = "accuracy"', 'metric = ""', "EP-105", "data.metric: '' is not one line of text", "not empty"),
        ('metric = "accuracy"', "validation = 1.5", "EP-105", "data.validation: 1.5 must be less than 1", "correct"),
        ('metric = "accuracy"', "validation = nan", "EP-105", "data.validation: nan", "correct"),
        ('metric = "accuracy"', "seed = true", "EP-105", "data.seed: true where a whole number is expected", "whole number"),
        ('metric = "accuracy"', "seed = -1", "EP-105", "data.seed: -1 must be at least 0", "correct"),
        ('metric = "accuracy"', "image_size = [96]", "EP-105", "data.image_size: the number of elements is 1", "correct"),
        ('metric = "accuracy"', 'color = "grey"', "EP-105", "data.color: 'grey' is not a choice", "use one of rgb, grayscale"),
        ("mean = [0.5, 0.25]", "std = [1.0, 0.0]", "EP-105", "data.preprocessing.std[2]: 0.0 must be more than 0", "correct"),
        ('note = "', 'note = """a\nb""" # "', "EP-105", "data.preprocessing.note", "one line"),
        ('metric = "accuracy"', "metric = accuracy", "EP-102", "not valid TOML", 'metric = "accuracy"'),
        ("[data]", "[data", "EP-102", "not valid TOML", "brackets"),
        ("[data]", "[model]", "EP-102", "not valid TOML", "check"),
    ],
)
def test_a_fault_names_file_line_key_and_what_to_write(write, old, new, code, message, hint):
    text = GOOD.replace(old, new, 1)
    error = failure(write(text))
    pairs = zip(text.splitlines(), GOOD.splitlines(), strict=False)
    line = next(number for number, (now, before) in enumerate(pairs, 1) if now != before)
    if code == "EP-104":
        line = line_of(text, "[[recipe]]" if "recipe" in message else "[model]")
    assert error.code == code
    assert str(error).startswith(f"my project/edgepack.toml:{line}: "), str(error)
    assert message in str(error)
    assert hint in error.hint


def test_of_several_faults_the_misspelt_key_is_named_first(write):
    error = failure(write('[data]\nseed = "x"\n[model]\nsorce = "model.py:build"\n'))
    assert error.code == "EP-103" and ":4:" in str(error)


def test_a_missing_table_is_named(write):
    error = failure(write('[data]\nsource = "data.py:load"\n'))
    assert error.code == "EP-104" and "lacks 'model'" in str(error)


@pytest.mark.parametrize("name", ["", "a b", "../x", "9lives", "a" * 64, "-x", "é"])
def test_a_name_that_is_no_folder_name_is_refused_with_one_that_is(write, name):
    error = failure(write(f'name = "{name}"\n' + GOOD))
    assert error.code == "EP-105" and "such as" in str(error)


def test_a_file_that_is_not_utf8_is_refused_with_its_line(write):
    root = write("")
    (root / "edgepack.toml").write_bytes(b'[model]\nsource = "mod\xe8le.py"\n')
    error = failure(root)
    assert error.code == "EP-102" and ":2:" in str(error)


def test_a_byte_order_mark_is_no_fault(write):
    root = write("")
    (root / "edgepack.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_project(root).model.source == "model.py:build"


def test_deep_nesting_is_an_error_and_no_crash(write):
    error = failure(write("a = " + "[" * 50000))
    assert error.code == "EP-102"


def test_a_folder_without_a_project_says_how_to_make_one(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        error = failure(folder)
        assert error.code == "EP-101" and "edgepack init" in error.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_an_error(write):
    root = write(GOOD)
    (root / "edgepack.toml").chmod(0)
    assert failure(root).code == "EP-101"


def test_a_recipe_can_be_a_file_of_its_own(write):
    root = write('recipe = "recipes/fast.toml"\n' + GOOD.split("[[recipe]]")[0])
    (root / "recipes").mkdir()
    (root / "recipes" / "fast.toml").write_text('\n[[recipe]]\nstep = "quantize"\naware = false\n')
    (step,) = load_project(root).recipe
    assert (step.step, step.options) == ("quantize", {"aware": False})
    assert str(step.at("aware")) == "my project/recipes/fast.toml:4"


def test_a_recipe_file_is_checked_like_the_project(write):
    root = write('recipe = "fast.toml"\n' + GOOD.split("[[recipe]]")[0])
    error = failure(root)
    assert error.code == "EP-106" and str(error).startswith("my project/edgepack.toml:1: ")
    (root / "fast.toml").write_text("steps = 3\n")
    assert "fast.toml:1: unknown key 'steps'" in str(failure(root))
    (root / "fast.toml").write_text("")
    assert failure(root).code == "EP-104"


def test_a_run_can_take_another_recipe_from_the_project_or_the_working_folder(write, tmp_path):
    root = write(GOOD)
    (tmp_path / "mine.toml").write_text('[[recipe]]\nstep = "cluster"\n')
    assert [step.step for step in load_project(root, ["recipe=mine.toml"]).recipe] == ["cluster"]
    (root / "mine.toml").write_text('[[recipe]]\nstep = "prune"\n')
    assert [step.step for step in load_project(root, ["recipe=mine.toml"]).recipe] == ["prune"]


def test_set_changes_values_with_the_same_checks(write):
    root = write(GOOD)
    project = load_project(root, ["data.seed=7", "model.weights=w.h5", "recipe.prune.sparsity=0.8", "recipe.2.aware=false"])
    assert (project.data.seed, project.model.weights) == (7, "w.h5")
    assert project.recipe[0].options["sparsity"] == 0.8
    assert project.recipe[1].options["aware"] is False
    assert str(project.recipe[0].at("sparsity")) == "--set recipe.prune.sparsity"


def test_text_stays_text_even_when_it_looks_like_a_number(write):
    project = load_project(write(GOOD), ["model.weights=10", "data.metric=true", "recipe.prune.schedule=polynomial"])
    assert (project.model.weights, project.data.metric) == ("10", "true")
    assert project.recipe[0].options["schedule"] == "polynomial"


def test_a_file_given_from_the_working_folder_is_found_there(write, tmp_path):
    root = write(GOOD)
    (tmp_path / "w.h5").write_bytes(b"")
    assert load_project(root, ["model.weights=w.h5"]).model.weights == str(tmp_path / "w.h5")


def test_none_takes_a_value_away(write):
    assert load_project(write(GOOD), ["data.source=none"]).data.source is None


@pytest.mark.parametrize(
    ("argument", "code", "message", "hint"),
    [
        ("data.sed=3", "EP-103", "--set data.sed: unknown key 'sed' in [data]", "did you mean 'seed'?"),
        ("data.seed=x", "EP-105", "--set data.seed: the text 'x' where a whole number is expected", "write"),
        ("recipe.cluster.count=3", "EP-108", "--set recipe.cluster.count: there is no step 'cluster'", "1 prune, 2 quantize"),
        ("recipe.3.aware=true", "EP-108", "there is no step '3'", "1 prune"),
        ("recipe.prune=3", "EP-108", "names no key", "recipe.STEP.KEY=VALUE"),
        ("recipe.prune.step=3.5", "EP-105", "", ""),
        ("recipe=none.toml", "EP-106", "--set recipe: there is no recipe file", "[[recipe]]"),
        ("data.metric.deep=1", "EP-108", "'metric' is no table", "check"),
        ("data.seed", "EP-108", "not of the form", "--set budget.ram=32KiB"),
        ("=3", "EP-108", "not of the form", "--set budget.ram=32KiB"),
    ],
)
def test_a_fault_in_set_names_the_flag(write, argument, code, message, hint):
    if argument == "recipe.prune.step=3.5":
        assert load_project(write(GOOD), [argument]).recipe[0].step == "3.5"
        return
    error = failure(write(GOOD), argument)
    assert (error.code, message in str(error), hint in error.hint) == (code, True, True), (str(error), error.hint)


def test_two_steps_of_one_kind_are_told_apart_by_number(write):
    root = write(GOOD + '\n[[recipe]]\nstep = "prune"\n')
    error = failure(root, "recipe.prune.sparsity=0.9")
    assert "2 steps are called 'prune'" in str(error)
    assert load_project(root, ["recipe.3.sparsity=0.9"]).recipe[2].options == {"sparsity": 0.9}


def test_set_arguments_are_told_apart_by_their_table():
    assert split_overrides(["budget.ram=1KiB", "data.seed=1", "device.threads=2", "recipe=x.toml", "name=x"]) == (
        ("data.seed=1", "recipe=x.toml", "name=x"),
        ("budget.ram=1KiB", "device.threads=2"),
    )


def test_a_table_that_neither_has_is_refused():
    with pytest.raises(ProjectError) as caught:
        split_overrides(["budgets.ram=1KiB"])
    assert caught.value.code == "EP-108" and "did you mean 'budget'?" in caught.value.hint
