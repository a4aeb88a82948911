"""Proposals are near what they vary, in the space, and recipes that edgepack takes; a choice survives being written."""

from __future__ import annotations

import json

import pytest

from edgepack.search.choice import Choice, is_valid, steps_of, words
from edgepack.search.design import Design, Treatment
from edgepack.search.moves import anywhere, numbers_of, propose, repaired
from tests.search.fakes import MOVES, sparse

TRAIN = [{"step": "train", "epochs": 3}]
RICH = Choice(
    Design({"first": Treatment(sparsity=0.33, clustered=True), "second": Treatment(sparsity=0.5, clustered=True)}, clusters=16),
    0.003,
    {"teacher": "float", "batch_size": 16, "augment": ["flip"]},
)


class Highest:
    """Chooses the highest number it is let, and remembers between which."""

    def __init__(self) -> None:
        self.ranges: dict[str, tuple[int, int]] = {}

    def suggest_int(self, name: str, low: int, high: int) -> int:
        self.ranges[name] = (low, high)
        return high


@pytest.mark.parametrize("choice", [RICH, sparse(0.25, 0.0), Choice(Design())])
def test_proposals_are_near_valid_and_of_the_space(choice: Choice) -> None:
    for seed in range(40):
        trial = Highest()
        found = propose(trial, choice, MOVES, seed)
        numbers = {name: number for name, (number, _) in numbers_of(choice, MOVES).items()}
        assert any(low == high != numbers[name] for name, (low, high) in trial.ranges.items())
        assert all(numbers[name] - 1 <= low <= high <= numbers[name] + 1 for name, (low, high) in trial.ranges.items())
        assert is_valid(found, TRAIN), words(found)
        for name, treatment in found.design.treatments.items():
            before = choice.design.treatments.get(name, Treatment()).sparsity
            assert treatment.sparsity in (*MOVES.sparsities, before)


def test_a_value_off_the_grid_stays_when_its_number_does() -> None:
    for seed in range(40):
        trial = Highest()
        found = propose(trial, RICH, MOVES, seed)
        if trial.ranges["first.sparsity"] == (1, 1):  # 0.25, the nearest to 0.33
            assert found.design.treatments["first"].sparsity == 0.33
            return
    raise AssertionError("no proposal left it alone")


def test_any_corner_of_the_space_is_valid() -> None:
    assert is_valid(anywhere(Highest(), sparse(0.5, 0.5), MOVES), TRAIN)


def test_what_has_no_effect_is_left_out() -> None:
    marked = {"first": Treatment(clustered=True, few_bits=True), "second": Treatment(sparsity=0.5)}
    assert repaired(Design(marked)).treatments == {"first": Treatment(), "second": Treatment(sparsity=0.5)}
    few = repaired(Design(marked, clusters=16, weights="ternary"))
    assert few.clusters == 0 and few.treatments["first"] == Treatment(few_bits=True)
    assert repaired(Design(marked, weights="binary")).treatments["second"] == Treatment()
    assert repaired(Design({"first": Treatment(clustered=True)}, clusters=16)).clusters == 16


def test_a_choice_survives_json_and_its_key_tells_trainings_apart() -> None:
    again = Choice.from_json(json.loads(json.dumps(RICH.to_json())))
    assert again == RICH and again.key(3) == RICH.key(3)
    assert len({RICH.key(3), RICH.key(9), sparse(0.0, 0.0).key(3), sparse(0.0, 0.25).key(3), sparse(0.0, 0.0, 0.003).key(3)}) == 5


def test_its_recipe_can_be_written_and_read_again(tmp_path) -> None:
    from edgepack.compress import Recipe

    file = tmp_path / "found.toml"
    recipe = Recipe(steps_of(RICH.tables(9, TRAIN)))
    file.write_text(recipe.to_toml())
    assert Recipe.load(file).steps == recipe.steps and [step.name for step in recipe] == ["train", "prune", "cluster", "quantize"]


def test_it_is_told_in_a_line() -> None:
    text = words(RICH)
    assert "prune 33 to 50 % of 2 layers" in text and "cluster 16 in 2 layers" in text and "teacher float" in text
    assert words(Choice(Design({"a": Treatment(few_bits=True, removed=0.25)}, weights="int4"))).startswith(
        "remove 25 % of the channels of 1 layer, int4 weights in 1 layer"
    )
