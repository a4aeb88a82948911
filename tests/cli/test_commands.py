"""What a user sees: exit codes, one-line errors, clean JSON, no TensorFlow where none is needed."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edgepack.cli.completion import FORMS as FORM_NAMES
from edgepack.cli.device import list_devices
from edgepack.pipeline.export import FORMS
from edgepack.standins.standin import StandIn
from tests.cli.conftest import Run

# Stands in for TensorFlow and says so when it is imported.
_TRAP = "raise ImportError('TensorFlow must not be imported here')\n"


def _trapped(folder: Path) -> dict[str, str]:
    for name in ("tensorflow", "tf_keras", "tensorflow_model_optimization", "keras"):
        (folder / "trap").mkdir(exist_ok=True)
        (folder / "trap" / f"{name}.py").write_text(_TRAP)
    return {"PYTHONPATH": os.pathsep.join([str(folder / "trap"), str(Path(__file__).parents[2])])}


def _assert_error(done: subprocess.CompletedProcess[str], code: str, status: int) -> None:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == status, done.stderr
    assert any(line.startswith(f"error {code}: ") for line in lines), done.stderr
    assert lines[-1].startswith("  try: "), done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_explains_itself(edgepack: Run) -> None:
    listing = edgepack("--help").stdout
    commands = re.findall(r"^│ ([a-z]+) {2,}", listing, flags=re.MULTILINE)
    assert set(commands) >= {
        "deploy",
        "bench",
        "export",
        "inspect",
        "report",
        "rollback",
        "uninstall",
        "targets",
        "init",
        "doctor",
        "device",
        "cache",
        "keys",
    }
    for command in commands:
        done = edgepack(command, "--help")
        assert done.returncode == 0
        assert "Usage: " in done.stdout


def test_help_names_the_export_forms_there_are() -> None:
    assert set(FORM_NAMES) == set(FORMS)


def test_a_ready_tflite_is_deployed_measured_and_judged_without_tensorflow(
    edgepack: Run, small_model: Path, tmp_path: Path
) -> None:
    done = edgepack(
        "deploy", small_model, "--target", "host", "--out", "out", "--set", "budget.accuracy_drop=none", env=_trapped(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {verdict["status"] for verdict in report["verdicts"]} == {"PASS"}
    assert ET.parse(tmp_path / "out" / "junit.xml").getroot().tag in ("testsuites", "testsuite")
    assert "<script src" not in (tmp_path / "out" / "report.html").read_text()
    deployed = next(item for item in report["measurements"] if item["quantity"] == "model_size")
    assert deployed["value"] == small_model.stat().st_size


def test_a_signed_deployment_and_what_is_refused_after_it(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    words = ("deploy", small_model, "--target", "host", "--out", "out", "--set", "budget.accuracy_drop=none")
    words = (*words, "--set", f"device.root={tmp_path / 'root'}")
    for name in ("old", "new"):
        assert edgepack("keys", "new", name, "--no-password").returncode == 0
    _assert_error(edgepack("keys", "new", "old", "--no-password"), "EP-193", 2)
    _assert_error(edgepack(*words, "--set", "device.require_signature=true"), "EP-570", 4)
    _assert_error(edgepack(*words, "--endorse", "old.key"), "EP-195", 2)
    _assert_error(edgepack(*words, "--sign", "old.pub"), "EP-190", 2)
    done = edgepack(*words, "--sign", "old.key")
    assert done.returncode == 0, done.stderr
    _assert_error(edgepack(*words), "EP-570", 4)
    _assert_error(edgepack(*words, "--sign", "new.key"), "EP-572", 4)
    done = edgepack(*words, "--sign", "new.key", "--endorse", "old.key")
    assert done.returncode == 0, done.stderr
    _assert_error(edgepack(*words, "--sign", "old.key"), "EP-573", 4)
    assert (tmp_path / "root" / ".trust" / "key.pub").read_text() == (tmp_path / "new.pub").read_text()


def test_the_report_without_a_target_is_the_newest(edgepack: Run, small_model: Path) -> None:
    deployed = edgepack("deploy", small_model, "--target", "host", "--set", "budget.accuracy_drop=none")
    assert deployed.returncode == 0, deployed.stderr
    results = small_model.parent / "build" / small_model.stem
    shutil.copytree(results / "host", results / "older")
    os.utime(results / "older" / "report.json", (0, 0))
    shown = edgepack("report", small_model)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.endswith(f"Report: {results / 'host' / 'report.html'}\n")
    os.utime(results / "older" / "report.json", (4e9, 4e9))
    assert edgepack("report", small_model).stdout.endswith(f"Report: {results / 'older' / 'report.html'}\n")


def test_verbose_shows_the_programs_that_are_run_and_quiet_shows_nothing(edgepack: Run, small_model: Path) -> None:
    words = ("bench", small_model, "--target", "host", "--runs", "3", "--json")
    shown = edgepack(*words, "-v")
    assert any(line.startswith("  $ ") and "run.py" in line for line in shown.stderr.splitlines()), shown.stderr
    json.loads(shown.stdout)
    assert edgepack(*words, "--quiet").stderr == ""


def test_two_models_are_compared_by_naming_both(edgepack: Run, small_model: Path) -> None:
    words = ("bench", small_model, small_model, "--target", "host", "--engine", "litert", "--seconds", "1")
    done = edgepack(*words, "--json", "--quiet")
    compared = json.loads(done.stdout)
    assert 0.2 < compared["low"] <= compared["ratio"] <= compared["high"] < 5 and compared["groups"] >= 8
    assert {row["quantity"] for row in compared["first"]["measurements"]} >= {"latency_p50", "peak_memory", "cold_start"}


def test_a_drop_that_nobody_can_measure_is_no_pass_and_no_failure(edgepack: Run, small_model: Path) -> None:
    done = edgepack("deploy", small_model, "--target", "host", "--out", "out", "--json", "--quiet")
    assert done.returncode == 0
    verdicts = {verdict["budget"]: verdict for verdict in json.loads(done.stdout)["verdicts"]}
    assert verdicts["accuracy_drop"]["status"] == "NOT MEASURED" and "--float" in json.dumps(verdicts["accuracy_drop"])
    done = edgepack(*("deploy", small_model, "--target", "host", "--out", "out", "--quiet"), *("--set", "budget.accuracy=0.9"))
    assert done.returncode == 1, "an accuracy could be measured: there is no data"


def test_a_missed_budget_is_exit_code_1(edgepack: Run, small_model: Path) -> None:
    done = edgepack(
        *("deploy", small_model, "--target", "host", "--out", "out"),
        *("--set", "budget.accuracy_drop=none", "--set", "budget.model_size=100 B"),
    )
    assert done.returncode == 1
    assert "FAIL" in done.stdout


def test_inspect_prints_nothing_but_json_with_json(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    done = edgepack("inspect", small_model, "--json", env=_trapped(tmp_path))
    assert json.loads(done.stdout)["totals"]["macs"] == 32


def test_a_terminal_that_is_not_utf8_shows_what_it_can(edgepack: Run, small_model: Path) -> None:
    done = edgepack("inspect", small_model, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0, done.stderr
    assert "FULLY_CONNECTED" in done.stdout


def test_a_full_disk_behind_the_output_is_no_fault_of_edgepack(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "edgepack", "inspect", str(small_model)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    _assert_error(done, "EP-151", 2)


def test_the_c_array_of_a_model_needs_no_tensorflow(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    done = edgepack("export", small_model, "--as", "c-array", "--out", "c", "--name", "tiny", env=_trapped(tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["tiny.c", "tiny.h"]


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("deploy", "missing"), "EP-101", 2),
        (("deploy", "missing.tflite"), "EP-166", 2),
        (("deploy", "SMALL", "--target", "rpy"), "EP-107", 2),
        (("deploy", "SMALL", "--set", "budget.latency_p50=5"), "EP-105", 2),
        (("deploy", "SMALL", "--set", "budgte.ram=32KiB"), "EP-108", 2),
        (("export", "SMALL", "--as", "floppy"), "EP-168", 2),
        (("report", ".", "--target", "host"), "EP-111", 2),
        (("inspect", "empty.tflite"), "EP-201", 3),
        (("deploy", "SMALL", "--bogus"), "EP-100", 2),
        (("deploy",), "EP-100", 2),
        (("bench", "SMALL", "--target", "host", "--threads", "0"), "EP-105", 2),
        (("bench", "SMALL", "SMALL", "SMALL"), "EP-100", 2),
        (("bench", "SMALL", "--engine", "c", "--engine", "litert", "--per-layer"), "EP-100", 2),
        (("bench", "SMALL", "SMALL", "--target", "cortex-m4"), "EP-180", 2),
        (("bench", "SMALL", "--target", "host", "--engine", "litert", "--engine", "warp"), "EP-105", 2),
        (("frobnicate",), "EP-100", 2),
        (("cache", "list", "nowhere"), "EP-101", 2),
        (("targets", "--project", "nowhere"), "EP-101", 2),
        (("device", "up", "nonsense"), "EP-107", 2),
        (("device", "up", "cortex-m4"), "EP-523", 4),
        (("deploy", "SMALL", "--target", "cortex-m4", "--device", "serial:/dev/no-board"), "EP-563", 4),
        (("bench", "SMALL", "--target", "cortex-m4", "--device", "pi@somewhere"), "EP-557", 2),
    ],
)
def test_wrong_input_is_one_line_and_what_to_do(
    edgepack: Run, small_model: Path, tmp_path: Path, words: tuple[str, ...], code: str, status: int
) -> None:
    (tmp_path / "empty.tflite").write_bytes(b"")
    done = edgepack(*(str(small_model) if word == "SMALL" else word for word in words))
    _assert_error(done, code, status)
    assert not (tmp_path / "build").exists()


def test_a_truncated_model_leaves_nothing_behind(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    content = small_model.read_bytes()
    (tmp_path / "cut.tflite").write_bytes(content[: len(content) // 2])
    done = edgepack("deploy", "cut.tflite", "--target", "host")
    assert done.returncode == 3
    assert "error EP-2" in done.stderr
    assert not (tmp_path / "build").exists()


def test_an_unknown_host_is_exit_code_4_before_anything_is_built(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    done = edgepack("deploy", small_model, "--target", "rpi", "--device", "pi@no-such-host.invalid")
    assert done.returncode == 4, done.stderr
    assert "no-such-host.invalid" in done.stderr
    assert not (tmp_path / "build").exists()


def _unwritable(folder: Path) -> str:
    """A path below a file, which nobody can make: a read-only folder would not stop root."""
    (folder / "wall").write_text("")
    return str(folder / "wall" / "inside")


def test_a_home_that_cannot_be_written_is_named(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    home = _unwritable(tmp_path)
    _assert_error(edgepack("device", "up", "rpi", env={"HOME": home}), "EP-521", 4)
    _assert_error(edgepack("bench", small_model, "--target", "cortex-m4", env={"HOME": home}), "EP-607", 5)


def test_a_results_folder_that_cannot_be_written_is_named(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    done = edgepack("deploy", small_model, "--target", "host", "--out", _unwritable(tmp_path))
    _assert_error(done, "EP-150", 3)


def test_with_out_nothing_is_written_beside_the_model(edgepack: Run, small_model: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.tflite").write_bytes(small_model.read_bytes())
    assert edgepack("deploy", "models/m.tflite", "--target", "host", "--out", "out", "-q").returncode in (0, 1)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["m.tflite"]


def test_an_init_project_is_refused_over_an_old_one_and_names_spaces(edgepack: Run, tmp_path: Path) -> None:
    made = edgepack("init", "my 'first' project")
    assert made.returncode == 0
    command = shlex.split(made.stdout.splitlines()[-1].removeprefix("next: "))
    assert (tmp_path / command[2] / "edgepack.toml").is_file()
    assert edgepack("init", "my 'first' project").returncode == 2


def test_lists_of_what_runs_are_json(edgepack: Run, tmp_path: Path) -> None:
    edgepack("init", "project")
    for words in (("device", "list"), ("cache", "list", "project"), ("targets",), ("targets", "rpi"), ("doctor",)):
        json.loads(edgepack(*words, "--json").stdout)


def test_a_stand_in_that_runs_is_listed_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    one = StandIn("rpi", "me@127.0.0.1:2222", "alias", 2222, 1, Path("ssh_config"), Path("folder"))
    monkeypatch.setattr("edgepack.standins.standin.running", lambda: (one,))
    list_devices(json_output=True)
    assert json.loads(capsys.readouterr().out)[0]["port"] == 2222


@pytest.mark.slow()
def test_an_interrupted_run_goes_on_after_its_last_finished_stage(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path)}
    python = [sys.executable, "-m", "edgepack"]
    subprocess.run([*python, "init", "project"], cwd=tmp_path, env=environment, check=True, capture_output=True)
    words = [*python, "deploy", "project", "--target", "host"]
    run = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    cache = tmp_path / "project" / ".edgepack" / "cache"
    end = time.monotonic() + 240
    while not list(cache.glob("train-*")) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    _, text = run.communicate(timeout=120)
    assert run.returncode == 130, text
    assert text.strip().endswith("the same command goes on from there")
    assert not (tmp_path / "project" / "build").exists()
    trained = next(cache.glob("train-*")).stat().st_ino
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode in (0, 1), done.stderr
    assert next(cache.glob("train-*")).stat().st_ino == trained
    assert (tmp_path / "project" / "build" / "host" / "report.html").is_file()


def test_releases_go_back_and_off_again(edgepack: Run, small_model: Path) -> None:
    """On this machine as a device: two versions, the list of them, back to the first, and nothing left."""
    where = ("--target", "host")
    changed = small_model.with_name("changed") / small_model.name
    changed.parent.mkdir()
    content = small_model.read_bytes()
    changed.write_bytes(content + bytes(16))  # another file, the same model
    ids = []
    for model in (small_model, changed):
        settings = ("--set", "budget.accuracy_drop=none", "--set", "device.runs=5")
        done = edgepack("deploy", model, *where, *settings, "--json", env={"MY_TOKEN": "hunter2"})
        assert done.returncode in (0, 1), done.stderr
        ids.append(json.loads(done.stdout)["pack"])
    assert len(set(ids)) == 2
    written = [path for path in small_model.parent.parent.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert written == [], "nothing of the environment may be written down"
    listed = json.loads(edgepack("device", "releases", small_model, *where, "--json").stdout)
    assert {row["release"]: row["state"] for row in listed} == {ids[0]: "previous", ids[1]: "current"}
    back = edgepack("rollback", small_model, *where, "--json")
    assert back.returncode == 0 and json.loads(back.stdout)["release"] == ids[0], back.stderr
    assert json.loads(back.stdout)["replaced"] == ids[1]
    name = json.loads(back.stdout)["name"]
    gone = edgepack("uninstall", name, *where)
    assert gone.returncode == 0 and "2 releases removed" in gone.stdout and "nothing is left" in gone.stdout
    again = edgepack("uninstall", name, *where)
    assert again.returncode == 4 and "error EP-531" in again.stderr


def test_targets_tell_what_is_missing_for_them(edgepack: Run, tmp_path: Path) -> None:
    rows = {row["name"]: row["needs"] for row in json.loads(edgepack("targets", "--json", env={"PATH": str(tmp_path)}).stdout)}
    assert "ssh" in rows["rpi"] and rows["host"] == []
    shown = edgepack("targets", env={"PATH": str(tmp_path)}).stdout
    assert "needs ssh" in shown


@pytest.mark.slow()
def test_weights_are_coded_for_tensorflow_lite_micro_and_a_line_tells_what_that_changed(edgepack: Run, tmp_path: Path) -> None:
    pytest.importorskip("tflite_micro", reason="tflite-micro is not installed")
    model = Path(__file__).parents[1] / "flatbuffer" / "coded" / "pruned.tflite"
    done = edgepack("export", model, "--as", "tflm", "--coding", "--out", "tflm", "--name", "tiny")
    assert done.returncode == 0, done.stderr
    assert re.search(r"note: \d tensors of weights coded: the file takes [\d,]+ bytes instead of [\d,]+, the arena", done.stderr)
    assert (tmp_path / "tflm" / "tiny.tflite").stat().st_size < model.stat().st_size
    refused = edgepack("export", model, "--as", "android", "--coding")
    assert refused.returncode != 0
    assert "EP-170" in refused.stderr
    shown = edgepack("inspect", tmp_path / "tflm" / "tiny.tflite")
    assert shown.returncode == 0
    assert "TFLM_DECODE" in shown.stdout
