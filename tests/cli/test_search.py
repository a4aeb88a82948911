"""`edgepack search` on a small project, as a user runs it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.digits_project import SHORT_SEARCH, write_project


@pytest.fixture()
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project", SHORT_SEARCH)


def _interrupted(project: Path, words: tuple[object, ...]) -> tuple[int, str]:
    """The command, stopped by Ctrl-C when its second trial runs."""
    command = [sys.executable, "-m", "edgepack", *map(str, words)]
    log = project.parent / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stderr=file, cwd=project.parent, env={**os.environ, "HOME": str(project.parent)})
    end = time.monotonic() + 200
    while "note: trial 0" not in log.read_text():
        assert process.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    return process.wait(60), log.read_text()


@pytest.mark.slow
def test_a_recipe_is_found_after_a_stop_and_deploy_makes_the_same_model(edgepack: Run, project: Path) -> None:
    words = ("search", project, "--target", "cortex-m4", "--set", "budget.accuracy_drop=0.5", "--set", "budget.flash=6KiB")
    status, told = _interrupted(project, (*words, "--trials", "9", "--time", "5m"))
    assert status == 130 and "Traceback" not in told, told
    folder, recipe = project / "build" / "cortex-m4", project / "recipes" / "found-cortex-m4.toml"
    stopped = json.loads((folder / "search.json").read_text())
    assert stopped["stopped"] and stopped["done"] == 1 and stopped["metric"] is None and recipe.exists()

    done = edgepack(*words, "--trials", "1", "--folds", "2", "--time", "5m", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["study"] == stopped["study"] and found["done"] == 2 and found["reproduced"] is True
    spread = found["spread"]
    assert len(spread["drops"]) == 2 and spread["mean"] == pytest.approx(sum(spread["drops"]) / 2)
    first = next(point for point in found["points"] if point["number"] == 0)
    assert first == stopped["points"][0] | {"best": first["best"]}
    assert {verdict["status"] for verdict in found["verdicts"]} == {"PASS"}
    assert all(verdict["measurement"]["detail"].startswith("on 300 test") for verdict in found["verdicts"][:1])
    kept = (folder / "found-cortex-m4.tflite").read_bytes()
    assert hashlib.sha256(kept).hexdigest() == found["sha256"]

    deployed = edgepack("deploy", *words[1:], "--set", "recipe=recipes/found-cortex-m4.toml", "--json", "--quiet")
    assert deployed.returncode == 0, deployed.stderr
    report = json.loads(deployed.stdout)
    (packed,) = folder.rglob("model.tflite")
    assert packed.read_bytes() == kept
    measured = {item["quantity"]: item["value"] for item in report["measurements"]}
    winner = next(point for point in found["points"] if point["number"] == found["winner"])
    assert measured["flash"] == winner["figures"]["flash"]
    assert measured["instructions"] == pytest.approx(winner["figures"]["instructions"], rel=0.02)  # of another input

    told_status = edgepack("search", project, "--status")
    assert found["study"] in told_status.stdout and "2 done" in told_status.stdout and "0 running" in told_status.stdout
    page = (folder / "search.html").read_text()
    assert "http" not in page.replace("http-equiv", "") and f"trial {found['winner']}" in page


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [(("--minimise", "speed"), "EP-181", "speed"), (("--status",), "EP-184", "no search")],
)
def test_what_cannot_be_asked_for_is_one_line(edgepack: Run, project: Path, words: tuple[str, ...], code: str, said: str) -> None:
    done = edgepack("search", project, *words)
    assert done.returncode == 2
    assert code in done.stderr and said in done.stderr and "Traceback" not in done.stderr and "try:" in done.stderr


def test_help_needs_no_optuna() -> None:
    program = "import sys, edgepack.cli.app; print('optuna' in sys.modules, 'tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False False\n"
