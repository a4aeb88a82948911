"""Steps made in Python are those of a TOML recipe: the same checks, the same messages, the same key in the cache."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomllib

from edgepack.compress import (
    STEPS,
    BiasCorrection,
    Cluster,
    Compressed,
    Distill,
    Equalize,
    Fold,
    LowRank,
    Prune,
    Quantize,
    Step,
    Structured,
    Train,
    check_recipe,
    compress,
)
from edgepack.ground.cache import Cache
from edgepack.ground.errors import ProjectError, RecipeError
from edgepack.ground.files import canonical_json
from edgepack.ground.progress import SilentProgress
from edgepack.metrics import Metric

from .small import digits, digits_net, recipe, source_of

PAIRS: list[tuple[str, Callable[[], Step]]] = [
    ("step = 'train'\nepochs = 12", lambda: Train(epochs=12)),
    ("step = 'distill'\nstudent = 'small.keras'\nalpha = 0.5", lambda: Distill(student="small.keras", alpha=0.5)),
    ("step = 'fold'\nbatch_norm = 'lone'", lambda: Fold(batch_norm="lone")),
    ("step = 'structured'\nratio = 0.25\nper_layer = { conv = 0.5 }", lambda: Structured(ratio=0.25, per_layer={"conv": 0.5})),
    ("step = 'low_rank'\nmax_drop = 0.02\nexclude = ['head']", lambda: LowRank(max_drop=0.02, exclude=["head"])),
    ("step = 'prune'\nsparsity = 0.7\naugment = ['flip']", lambda: Prune(sparsity=0.7, augment=("flip",))),
    ("step = 'cluster'\nclusters = 8\nteacher = 'float'", lambda: Cluster(clusters=8, teacher="float")),
    ("step = 'equalize'", lambda: Equalize()),
    ("step = 'bias_correction'\nexamples = 64", lambda: BiasCorrection(examples=64)),
    ("step = 'quantize'\nscheme = 'int16x8'", lambda: Quantize(scheme="int16x8")),
    ("step = 'quantize'\nweights = 'int4'\nint16 = ['dense']", lambda: Quantize(weights="int4", int16=["dense"])),
]


def from_toml(text: str) -> Step:
    (step,) = recipe(tomllib.loads(text)) if "quantize" in text else recipe(tomllib.loads(text), {"step": "quantize"})[:1]
    return step


@pytest.mark.parametrize("name", STEPS)
def test_a_technique_without_arguments_is_a_table_without_options(name: str) -> None:
    table, made_here = from_toml(f"step = '{name}'"), STEPS[name]()
    assert canonical_json(table.key()) == canonical_json(made_here.key()) and made_here == table


@pytest.mark.parametrize(("text", "made"), PAIRS, ids=[text.replace("\n", ", ") for text, _ in PAIRS])
def test_an_object_is_found_in_the_cache_like_its_table(text: str, made: Callable[[], Step]) -> None:
    """What `run.py` hashes of a step, byte for byte."""
    table, made_here = from_toml(text), made()
    assert canonical_json(table.key()) == canonical_json(made_here.key())
    assert (table.name, table.version, table.label, table.trains) == (
        made_here.name,
        made_here.version,
        made_here.label,
        made_here.trains,
    )
    assert table == made_here and table.options == made_here.options


@pytest.mark.parametrize(("text", "made"), PAIRS, ids=[text.replace("\n", ", ") for text, _ in PAIRS])
def test_the_options_of_an_object_can_be_written_as_a_table(text: str, made: Callable[[], Step]) -> None:
    options, written = made().options, tomllib.loads(text)
    assert {name: options[name] for name in written if name != "step"} == {k: v for k, v in written.items() if k != "step"}
    assert canonical_json(options)


def test_an_object_prints_as_it_is_written() -> None:
    assert repr(Prune(exclude=["head"], sparsity=0.7)) == "Prune(sparsity=0.7, exclude=('head',))"
    assert str(Fold()) == "Fold()"


def refused(make: Callable[[], Any]) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        make()
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("code", "text", "make"),
    [
        ("EP-402", "Prune has no option 'sparsty'", lambda: Prune(sparsty=0.5)),
        ("EP-403", "Prune: sparsity: 1.0 must be less than 1", lambda: Prune(sparsity=1.0)),
        ("EP-403", "Cluster: clusters: 'many' where a whole number is expected", lambda: Cluster(clusters="many")),
        ("EP-403", "Prune: per_layer: 2 must be less than 1 (in per_layer.conv)", lambda: Prune(per_layer={"conv": 2})),
        ("EP-403", "Prune: initial_sparsity: 0.8 is above the sparsity", lambda: Prune(initial_sparsity=0.8)),
        ("EP-403", "Distill: student: there is none", lambda: Distill(student="")),
        ("EP-405", "LowRank: energy and ratio are two ways to say how much to keep", lambda: LowRank(energy=0.9, ratio=0.5)),
        ("EP-405", "Fold: neither BatchNorm nor dead", lambda: Fold(batch_norm="none", dead_channels=False)),
        ("EP-405", "Quantize: aware training simulates int8", lambda: Quantize(scheme="float16", aware=True)),
        ("EP-405", "Quantize: epochs has no meaning without aware training", lambda: Quantize(aware=False, epochs=3)),
        ("EP-405", "Prune: alpha has no meaning without a teacher", lambda: Prune(alpha=0.5)),
        ("EP-405", 'Train: teacher "float" is the model', lambda: Train(teacher="float")),
    ],
)
def test_a_wrong_argument_is_named_where_it_is_given(code: str, text: str, make: Callable[[], Step]) -> None:
    error = refused(make)
    assert error.code == code and str(error).startswith(text)


def test_a_table_says_the_same_with_its_place() -> None:
    here = refused(lambda: Prune(sparsity=1.0))
    there = refused(lambda: recipe({"step": "prune", "sparsity": 1.0}))
    assert str(there) == str(here).replace("Prune: ", "edgepack.toml:12: prune: ") and there.hint == here.hint


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((Prune(), Train(), Quantize()), "recipe[1]: train comes after prune"),
        ((Cluster(), Prune(), Quantize()), "recipe[1]: prune would destroy the clusters that cluster made"),
        ((Quantize(), Quantize()), "recipe[1]: quantize is in the recipe twice"),
        ((Fold(), Distill(), Quantize()), "recipe[1]: distill puts another model in the place of the one that fold"),
        ((Train(), Prune()), "recipe[1]: the recipe ends with prune"),
    ],
)
def test_objects_are_held_to_the_order_of_recipes(steps: tuple[Step, ...], text: str) -> None:
    error = refused(lambda: check_recipe(steps))
    assert error.code == "EP-404" and str(error).startswith(text)


def test_a_step_keeps_its_options_when_it_is_checked_and_cannot_be_changed() -> None:
    mine = Prune(sparsity=0.7)
    checked, _ = check_recipe([mine, Quantize(aware=False)])
    assert checked == mine and str(checked.where) == "recipe[0]" and str(mine.where) == "Prune"
    with pytest.raises(Exception, match="frozen"):
        mine.sparsity = 0.5


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_keyword_arguments_have_types_defaults_and_descriptions(step: Any) -> None:
    """What help() and an editor show."""
    arguments = inspect.signature(step).parameters
    assert list(arguments) == list(step.model_fields)
    for name, argument in arguments.items():
        assert argument.kind is inspect.Parameter.KEYWORD_ONLY
        assert argument.annotation is not inspect.Parameter.empty and argument.default is not inspect.Parameter.empty
        description = step.model_fields[name].description
        assert description and f"{name}: {description} (default" in step.__doc__


def test_making_a_step_imports_no_tensorflow() -> None:
    code = (
        "import sys; from edgepack.compress.steps.prune import Prune; from edgepack.compress import Quantize, check_recipe;"
        "check_recipe([Prune(sparsity=0.5), Quantize()]);"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'tf_keras', 'keras') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_recipe_of_objects_runs_on_what_its_tables_left_in_the_cache(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source")
    cache = Cache(tmp_path / "cache")

    def run(steps: tuple[Step, ...]) -> Compressed:
        return compress(source, digits(), steps, accuracy, cache, SilentProgress())

    first = run(recipe({"step": "fold", "dead_channels": False}, {"step": "quantize", "aware": False}))
    stages = sorted(folder.name for folder in (tmp_path / "cache").iterdir())
    again = run(check_recipe([Fold(dead_channels=False), Quantize(aware=False)]))
    assert again == first
    assert sorted(folder.name for folder in (tmp_path / "cache").iterdir()) == stages


def test_an_error_while_running_names_the_argument(tmp_path: Path, accuracy: Metric) -> None:
    source = source_of(digits_net(), tmp_path / "source")
    steps = check_recipe([LowRank(layers=["nowhere"]), Quantize(aware=False)])
    with pytest.raises(RecipeError, match=r"recipe\[0\]: low_rank: layers names 'nowhere'"):
        compress(source, digits(), steps, accuracy, Cache(tmp_path / "cache"), SilentProgress())
