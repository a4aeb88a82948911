"""benchmarks/zoo: every file gets a line, and the exit status tells whether one computes something else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compile.networks import random_network
from tests.flatbuffer.build import conv_model

pytest.importorskip("unicorn", reason="unicorn is not installed")
pytest.importorskip("ziglang", reason="ziglang is not installed")

_RUN = Path(__file__).resolve().parents[2] / "benchmarks" / "zoo" / "run.py"


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, _RUN, *map(str, words)], capture_output=True, text=True, timeout=300)


@pytest.mark.slow()
def test_each_file_gets_a_line(tmp_path: Path) -> None:
    zoo = tmp_path / "zoo"
    (zoo / "inner").mkdir(parents=True)
    (zoo / "conv.tflite").write_bytes(conv_model())
    (zoo / "inner" / "network.tflite").write_bytes(random_network(3))
    (zoo / "again.tflite").write_bytes(random_network(3))
    (zoo / "cut.tflite").write_bytes(random_network(3)[:500])
    done = _run(zoo, "--target", "cortex-m4", "--results", tmp_path / "results.json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["file"]: row for row in json.loads((tmp_path / "results.json").read_text())["files"]}
    assert sorted(rows) == ["zoo/again.tflite", "zoo/conv.tflite", "zoo/cut.tflite"], "equal files are tried once"
    assert rows["zoo/cut.tflite"]["outcome"] == "refused" and rows["zoo/cut.tflite"]["code"].startswith("EP-2")
    for name in ("zoo/again.tflite", "zoo/conv.tflite"):
        row = rows[name]
        assert row["outcome"] == "same" and row["differing"] == 0 and row["compared"] >= 2, row
        assert min(row["instructions"], row["flash"], row["macs"]) > 0
    assert "| zoo/cut.tflite | refused EP-2" in (tmp_path / "results.md").read_text()


def test_a_folder_without_models_is_an_error(tmp_path: Path) -> None:
    done = _run(tmp_path)
    assert done.returncode == 2 and "error EP-166" in done.stderr and "Traceback" not in done.stderr
