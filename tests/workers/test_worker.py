"""Worker processes: a job in, an answer out, and every way in which there is none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from edgepack.diagnosis import layer_errors
from edgepack.mcu.emulate import unicorn
from edgepack.runners import tflm
from edgepack.workers.worker import WorkerFailure, run_worker
from tests.workers.processes import stopped


def _program(folder: Path, *lines: str) -> Path:
    file = folder / "program.py"
    body = "".join(f"    {line}\n" for line in lines)
    file.write_text(f"import os, signal, sys, time\n\n\ndef work(job):\n{body}")
    return file


def _failure(program: Path, timeout: float = 60.0) -> WorkerFailure:
    with pytest.raises(WorkerFailure) as caught:
        run_worker(program, {}, timeout)
    return caught.value


def test_the_answer_is_what_work_gives_for_the_job(tmp_path: Path) -> None:
    job = {"numbers": list(range(100_000)), "text": "EDGEPACK-END\nä"}
    program = _program(tmp_path, "return {'sum': sum(job['numbers']), 'text': job['text']}")
    assert run_worker(program, job) == {"sum": sum(range(100_000)), "text": "EDGEPACK-END\nä"}


def test_what_a_runtime_prints_around_the_answer_is_ignored_however_much_it_is(tmp_path: Path) -> None:
    noise = "os.write({}, b'EDGEPACK-RESULT\\n' + b'noise \\xff\\n' * 200_000)"
    assert run_worker(_program(tmp_path, noise.format(1), noise.format(2), "return {'a': 1}"), None, 60.0) == {"a": 1}


def test_every_line_printed_is_shown_in_order_while_it_runs(tmp_path: Path) -> None:
    steps = ["print(1, flush=True)", "time.sleep(0.4)", "os.write(1, b'2\\n3')", "time.sleep(0.4)", "print('4', flush=True)"]
    lines: list[str] = []
    run_worker(_program(tmp_path, *steps, "return {}"), None, 60.0, lines.append)
    assert lines[:3] == ["1", "2", "34"] and "{}" in lines


def test_a_watcher_that_gives_up_ends_the_worker(tmp_path: Path) -> None:
    def refuse(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt) as caught:
        run_worker(_program(tmp_path, "print(os.getpid(), flush=True)", "time.sleep(60)"), None, None, refuse)
    assert not Path(f"/proc/{caught.value}").exists()


def test_an_exception_is_an_answer_and_its_last_line_is_kept(tmp_path: Path) -> None:
    failure = _failure(_program(tmp_path, "raise ValueError('no such\\n  operator')"))
    assert (failure.kind, str(failure), failure.words) == ("model", "no such operator", "  operator")


def test_a_missing_module_is_told_from_a_model_that_is_refused(tmp_path: Path) -> None:
    failure = _failure(_program(tmp_path, "import absent_runtime"))
    assert failure.kind == "runtime" and "absent_runtime" in str(failure)


def test_a_signal_is_named(tmp_path: Path) -> None:
    failure = _failure(_program(tmp_path, "print('Check failed', file=sys.stderr, flush=True)", "os.abort()"))
    assert (failure.kind, str(failure), failure.words) == ("crash", "SIGABRT", "Check failed")


@pytest.mark.parametrize("end", ["os._exit(0)", "os._exit(3)", "os.write(1, b'EDGEPACK-RESULT\\n{}\\n'); os._exit(0)"])
def test_an_end_without_a_whole_answer_is_no_answer(tmp_path: Path, end: str) -> None:
    assert _failure(_program(tmp_path, end)).kind == "cut"


def test_one_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = _program(tmp_path, f"open({str(pid)!r}, 'w').write(str(os.getpid()))", "time.sleep(600)")
    assert stopped(lambda seconds: _failure(program, seconds), pid).kind == "timeout"
    assert not Path(f"/proc/{pid.read_text()}").exists()


@pytest.mark.parametrize("program", [layer_errors._RECORDER, tflm._PROGRAM, unicorn._WORKER], ids=lambda path: path.stem)
def test_the_programs_of_the_host_answer_a_job_without_sense_with_a_failure(program: Path) -> None:
    assert _failure(program).kind == "model"  # a KeyError: they load, and they have a function named work


def test_a_worker_imports_the_edgepack_that_started_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    found: dict[str, Any] = run_worker(_program(tmp_path, "import edgepack", "return {'file': edgepack.__file__}"), None)
    assert found["file"] == sys.modules["edgepack"].__file__


def test_a_worker_that_prints_without_end_is_stopped(tmp_path: Path) -> None:
    failure = _failure(_program(tmp_path, "while True:", "    os.write(2, b'noise\\n' * 100_000)"))
    assert failure.kind == "system" and "256 MiB" in str(failure) and failure.words == "noise"


def test_the_last_words_of_one_that_is_stopped_are_a_whole_line(tmp_path: Path) -> None:
    written = tmp_path / "written"
    steps = ["os.write(2, b'whole\\nha')", f"open({str(written)!r}, 'w').write('both')", "time.sleep(600)"]
    program = _program(tmp_path, *steps)
    failure = stopped(lambda seconds: _failure(program, seconds), written)
    assert (failure.kind, failure.words) == ("timeout", "whole")


def test_an_answer_that_nests_too_deeply_is_none(tmp_path: Path) -> None:
    lines = ("os.write(1, b'EDGEPACK-RESULT\\n' + b'[' * 200_000 + b'\\nEDGEPACK-END\\n')", "os._exit(0)")
    assert _failure(_program(tmp_path, *lines)).kind == "cut"
