"""What a search begins with follows from the project's [search] table and from its own recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgepack.compress import Prune, Quantize
from edgepack.compress.fisher import ChannelFamily, OpenLayer
from edgepack.ground.errors import ProjectError
from edgepack.project import load_project
from edgepack.search.choice import Choice
from edgepack.search.choices import choices_of
from edgepack.search.design import Design, Treatment
from edgepack.search.front import Candidate
from edgepack.search.moves import numbers_of
from edgepack.search.start import Start, _check_options, _mildest, _moves, _options, _own_options, _space
from tests.search.fakes import figures, target_with

LAYERS = (
    OpenLayer("stem", 100, True, False, 0, -1, 0.0),
    OpenLayer("depthwise", 50, False, True, 0, 0, 1.0),
    OpenLayer("top", 200, True, True, -1, 0, 1.0),
)
FAMILIES = (ChannelFamily(("stem", "depthwise"), (0.1, 0.2)),)


def settings(folder: Path, *lines: str):
    text = '[model]\nsource = "m.py:b"\n[data]\nsource = "d.npz"\n[search]\n' + "\n".join(lines)
    (folder / "edgepack.toml").write_text(text)
    return load_project(folder).search


def moves(folder: Path, *lines: str):
    read = settings(folder, *lines)
    return _moves(choices_of(LAYERS, FAMILIES, _space(read)), _options(read, 0.002, taught=True))


def test_each_layer_may_have_what_its_techniques_take(tmp_path: Path) -> None:
    found = moves(tmp_path)
    assert found.layers == {
        "stem": {"sparsity", "clustered"},
        "depthwise": {"clustered", "few_bits"},
        "top": {"sparsity", "clustered", "few_bits"},
    }
    assert found.families == (("stem", "depthwise"),) and found.kernels == ("stem", "depthwise", "top")
    assert found.sparsities[0] == found.removed[0] == found.clusters[0] == 0 and found.weights[0] == "int8"
    assert found.options == {"learning_rate": (0.0006, 0.002, 0.006), "teacher": ("", "float")}


def test_the_table_restricts_and_extends(tmp_path: Path) -> None:
    found = moves(
        tmp_path,
        "sparsities = [0.9, 0.25]",
        "removed = [0.125]",
        "clusters = [0]",
        'weights = ["binary"]',
        'exclude = ["depth*"]',
        'options.augment = [["flip"], ["shift"]]',
        'options.teacher = ["float"]',
    )
    assert found.layers == {"stem": {"sparsity"}, "top": {"sparsity", "few_bits"}} and found.families == ()
    assert (found.sparsities, found.clusters, found.weights) == ((0.0, 0.25, 0.9), (0,), ("int8", "binary"))
    assert found.options["augment"] == (["flip"], ["shift"]) and found.options["teacher"] == ("float",)


def test_a_family_loses_channels_together(tmp_path: Path) -> None:
    found = moves(tmp_path)
    design = Design({name: Treatment(removed=0.5 if name != "top" else 0.0) for name in found.kernels})
    numbers = numbers_of(Choice(design), found)
    assert numbers["stem.removed"] == (found.removed.index(0.5), len(found.removed) - 1) and "depthwise.removed" not in numbers


def test_trials_are_trained_as_the_recipe_is() -> None:
    steps = (Prune(batch_size=16, augment=["flip"]), Quantize(learning_rate=0.0005, batch_size=64))
    assert _own_options(steps) == (0.0005, {"batch_size": 16, "augment": ["flip"]})


def test_a_value_that_no_step_takes_is_told_at_once(tmp_path: Path) -> None:
    for line, said in (('options.augment = [["wobble"]]', "augment"), ("options.batch_sizes = [3]", "batch_size")):
        with pytest.raises(ProjectError, match=said):
            _check_options(_options(settings(tmp_path, line), 0.001, taught=False), 0.001, {}, [])


def test_the_mildest_design_is_trained_in_each_way_first(tmp_path: Path) -> None:
    found, mild = moves(tmp_path), Choice(Design({"stem": Treatment(sparsity=0.25)}), 0.002, {"batch_size": 8})
    start = Start(found, (Choice(Design()), mild), 9, (), "", None, mild)
    assert [(choice.learning_rate, choice.options.get("teacher", "")) for choice in start.first()] == [
        (0.002, ""),
        (0.0006, ""),
        (0.006, ""),
        (0.002, "float"),
    ]
    assert all(choice.design == mild.design and choice.options["batch_size"] == 8 for choice in start.first())


def test_the_mildest_is_within_the_budgets() -> None:
    found = [
        (Choice(Design(), number / 1000), Candidate(Design(), figures(flash), loss))
        for number, (flash, loss) in enumerate([(5_000, 0.5), (7_000, 0.2), (9_000, 0.1)], 1)
    ]
    assert _mildest(found, target_with(flash=8_000)).learning_rate == 0.002
    assert _mildest(found, target_with()).learning_rate == 0.003
    assert _mildest(found, target_with(flash=100)).learning_rate == 0.001 and _mildest([], target_with()) is None
