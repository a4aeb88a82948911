"""What benchmarks/compression trains for hours is checked in a moment: every bar and every cut is a recipe that can run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compression.cuts import CUTS, WITHOUT_TRAINING
from edgepack.compress import check_recipe
from edgepack.project import load_project
from edgepack.project.toml import read_toml

ROOT = Path(__file__).resolve().parents[2]
BARS = read_toml(ROOT / "benchmarks" / "compression" / "bars.toml", "bars").values


@pytest.mark.parametrize("name", BARS)
def test_a_bars_recipe_is_valid(name: str) -> None:
    bar = BARS[name]
    project = load_project(ROOT / "sample_models" / bar["project"], (f"recipe={bar['recipe']}", *bar.get("set", [])))
    assert check_recipe(project.recipe)


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_is_valid_and_is_quantized_without_training(name: str) -> None:
    bar = BARS["structured50"]
    changes = (f"recipe={bar['recipe']}", *WITHOUT_TRAINING, *CUTS[name])
    steps = check_recipe(load_project(ROOT / "sample_models" / bar["project"], changes).recipe)
    assert [step.name for step in steps] == ["train", "structured", "quantize"]
    assert not steps[-1].trains


@pytest.mark.parametrize("script", ["run.py int4", "cuts.py"])
def test_a_benchmark_without_its_data_says_so(tmp_path: Path, script: str) -> None:
    name, *words = script.split()
    (tmp_path / "pretrainedResnet.h5").touch()  # looked for before the data, and opened after them
    command = [sys.executable, ROOT / "benchmarks" / "compression" / name, *words, "--models", tmp_path, "--data"]
    absent = str(tmp_path / "absent.npz")
    done = subprocess.run([*command, absent if not words else f"cifar10={absent}"], capture_output=True, text=True, timeout=120)
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr, done.stderr
    assert "absent.npz does not exist" in done.stderr
