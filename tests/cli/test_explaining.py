"""`edgepack explain` and `edgepack crossval` on a small project, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.digits_project import write_project

_TABLES = """
[[recipe]]
step = "train"
epochs = 8
learning_rate = 0.01
[[recipe]]
step = "prune"
epochs = 2
learning_rate = 0.005
[[recipe]]
step = "quantize"
aware = false
"""


@pytest.fixture()
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", _TABLES)


@pytest.mark.slow
def test_a_projects_accuracy_is_explained(edgepack: Run, project: Path) -> None:
    done = edgepack("explain", project, "--json", "--quiet", "--examples", "20")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert json.loads((project / "build" / "host" / "explain.json").read_text()) == found
    assert {layer["layer"] for layer in found["errors"]["layers"]} == {"hidden", "digit"}
    assert found["errors"]["examples"] == 20 and found["advice"]
    assert [layer["layer"] for layer in found["sensitivity"]["layers"]] == ["hidden", "digit"]
    final = found["steps"][-1]
    confusion = found["confusion"]
    assert sum(map(sum, confusion)) == 300
    assert sum(confusion[digit][digit] for digit in range(10)) / 300 == pytest.approx(final["metric"])
    assert final["interval"][0] < final["metric"] < final["interval"][1]

    table = edgepack("explain", project, "--no-sensitivity", "--quiet").stdout
    assert "what to try next" in table and "SQNR" in table and "taken for" in table

    (tflite,) = (project / ".edgepack" / "cache").glob("convert-*/model.tflite")
    alone = edgepack("explain", tflite, "--out", project / "alone")
    assert alone.returncode == 3 and "EP-287" in alone.stderr and "--float" in alone.stderr


@pytest.mark.slow
def test_the_largest_ratio_within_the_allowed_drop_is_chosen(edgepack: Run, project: Path) -> None:
    words = ("crossval", project, "--vary", "prune.sparsity=0.3,0.97", "--folds", "2", "--json", "--quiet")
    done = edgepack(*words, "--max-drop", "0.05")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    mild, strong = found["candidates"]
    assert found["chosen"] == "0.3" and len(found["baselines"]) == 2
    for candidate in (mild, strong):
        drops = [before - after for before, after in zip(found["baselines"], candidate["metrics"], strict=True)]
        assert candidate["drops"] == pytest.approx(drops)
        assert candidate["mean"] == pytest.approx(sum(drops) / 2)
        assert candidate["spread"] == pytest.approx(abs(drops[0] - drops[1]) / 2**0.5)
    assert mild["sparsity"] == pytest.approx(0.3, abs=0.02) and strong["sparsity"] == pytest.approx(0.97, abs=0.02)
    assert strong["mean"] > 0.1  # 24 neurons do not live on 3 % of their weights

    again = edgepack(*words, "--max-drop", "-1")
    assert again.returncode == 1 and json.loads(again.stdout)["chosen"] is None


@pytest.mark.parametrize(
    ("vary", "code", "words"),
    [
        ("prune.sparsity", "EP-162", "no option with values"),
        ("prune.sparsity=0.5,0.5", "EP-162", "one twice"),
        ("prune.sparsitty=0.5", "EP-", "sparsity"),
        ("prune.sparsity=1.5", "EP-403", "sparsity"),
    ],
)
def test_what_cannot_be_varied_is_one_line(edgepack: Run, project: Path, vary: str, code: str, words: str) -> None:
    done = edgepack("crossval", project, "--vary", vary)
    assert done.returncode == 2
    assert code in done.stderr and words in done.stderr and "Traceback" not in done.stderr
