"""Designs become recipes that the project's own checks accept, each option where it belongs."""

from __future__ import annotations

from pathlib import Path

from edgepack.compress import check_recipe
from edgepack.project import load_project
from edgepack.search.design import Design, Effort, Treatment, recipe_of

FULL = Design(
    {
        "first": Treatment(sparsity=0.5),
        "middle": Treatment(removed=0.5, sparsity=0.8, clustered=True, few_bits=True),
        "last": Treatment(clustered=True),
    },
    clusters=16,
)


def test_a_design_becomes_steps_in_their_order() -> None:
    steps = recipe_of(FULL, Effort(9))
    assert [step["step"] for step in steps] == ["structured", "prune", "cluster", "quantize"]
    structured, prune, cluster, quantize = steps
    assert structured["per_layer"] == {"middle": 0.5} and structured["layers"] == ["middle"]
    assert prune["per_layer"] == {"first": 0.5, "middle": 0.8}
    assert cluster["layers"] == ["last", "middle"] and cluster["clusters"] == 16
    assert "weights" not in quantize and quantize["scales"] == "layer"
    assert [step["epochs"] for step in steps] == [3, 3, 1, 2]


def test_its_recipe_is_one_that_edgepack_takes(tmp_path: Path) -> None:
    (tmp_path / "edgepack.toml").write_text('[model]\nsource = "model.py:build"\n[data]\nsource = "d.npz"\n')
    for design in (FULL, Design(), Design({"middle": Treatment(few_bits=True), "last": Treatment()}, weights="ternary")):
        assert check_recipe(load_project(tmp_path, (), recipe_of(design, Effort(4))).recipe)


def test_layers_of_few_bits_are_those_that_keep_int8_does_not_name() -> None:
    design = Design({"middle": Treatment(few_bits=True), "last": Treatment()}, weights="ternary")
    (step,) = recipe_of(design, Effort(4))
    assert step["weights"] == "ternary" and step["keep_int8"] == ["last"] and step["epochs"] == 4
    assert step["reestimate_batch_norm"] is True
