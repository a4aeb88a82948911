"""What a stage shows while it runs: its share, its words, and the time left once that can be told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from edgepack.ground import time_left
from edgepack.ground.progress import PlainProgress, RichProgress
from edgepack.ground.time_left import TimeLeft


@pytest.fixture()
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time_left.time, "monotonic", lambda: now[0])
    return now


def test_the_first_batch_does_not_count_for_the_time_left(clock: list[float]) -> None:
    left = TimeLeft()
    clock[0] = 30.0  # the graph was traced
    assert left.words(1, 101) == ""
    clock[0] = 31.0
    assert left.words(2, 101) == "", "a second says too little"
    clock[0] = 40.0
    assert left.words(11, 101) == "1 min 30 s left"
    clock[0] = 130.0
    assert left.words(101, 101) == ""


def test_hours_are_told_in_hours(clock: list[float]) -> None:
    left = TimeLeft()
    left.words(1, 100_101)
    clock[0] = 10.0
    assert left.words(101, 100_101) == "2 h 46 min left"


def test_another_piece_of_work_begins_anew(clock: list[float]) -> None:
    left = TimeLeft()
    left.words(1, 11)
    clock[0] = 600.0
    assert left.words(11, 11) == ""
    assert left.words(100, 1000) == "", "examples are counted now, no batches"
    clock[0] = 610.0
    assert left.words(200, 1000) == "1 min 20 s left"


def test_a_log_has_share_words_and_time(clock: list[float]) -> None:
    stream = io.StringIO()
    with PlainProgress(stream, interval=0).stage("Training") as task:
        task.update(1, 10, "epoch 1/2")
        clock[0] = 3.0
        task.update(4, 10, "epoch 1/2")
        task.update(0, 0, "")
    assert stream.getvalue().splitlines()[1:3] == ["  Training: 10 %, epoch 1/2", "  Training: 40 %, epoch 1/2, 6 s left"]


def test_a_terminal_has_the_words_on_a_line_of_their_own_and_colours_no_numbers() -> None:
    stream = io.StringIO()
    progress = RichProgress(Console(file=stream, force_terminal=True, width=60, color_system="standard", highlight=False))
    with progress.stage("Quantization-aware training", "int8, 10 epochs") as task:
        task.update(1, 10, "epoch 1/2, batch 12/34, loss [bold]0.1234[/]")
        task.finish("accuracy 0.98")
    progress.note("3 of 4 layers")
    lines = stream.getvalue().replace("\r", "\n").splitlines()
    assert any(line.rstrip().endswith("  epoch 1/2, batch 12/34, loss [bold]0.1234[/]\x1b[0m") for line in lines), lines
    assert "3 of 4 layers" in stream.getvalue()
