"""Two models taking turns: the statistics on made-up times, and the whole on this machine and over ssh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import DeviceError
from edgepack.ground.progress import SilentProgress
from edgepack.measure import compare as comparing
from edgepack.measure.compare import Comparison, compare, ratio_interval
from edgepack.project import Target, load_target
from edgepack.report import comparison_sentence, print_comparison
from tests.flatbuffer.build import G, O, T, build, conv_model

Blocks = list[tuple[float, ...]]


def _blocks(generator: np.random.Generator, factor: float, groups: int, noise: float, drift: float) -> tuple[Blocks, Blocks]:
    """Times in the order A B B A, B A A B, …, every block slower than the one before by `drift`; first runs are far off."""
    sides: tuple[Blocks, Blocks] = ([], [])
    position = 0
    for group in range(groups):
        for side in (0, 1, 1, 0) if group % 2 == 0 else (1, 0, 0, 1):
            level = np.exp(generator.normal(0, noise)) * (1 + drift * position) * (factor if side else 1.0)
            sides[side].append((9.0, *(level * np.exp(generator.normal(0, 0.01, 20))).tolist()))
            position += 1
    return sides


def test_a_linear_drift_adds_the_same_to_both() -> None:
    """1 % a block is 80 % over the run; measured one after the other the second model would seem 40 % slower."""
    first, second = _blocks(np.random.default_rng(1), 1.25, 20, 0.0, 0.01)
    ratio, low, high = ratio_interval(first, second)
    assert ratio == pytest.approx(1.25, rel=0.005) and high - low < 0.02


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(200):
        _, low, high = ratio_interval(*_blocks(generator, 0.9, 25, 0.05, 0.0))
        hits += low <= 0.9 <= high
    # Of 200 intervals at 95 %, fewer than 180 or more than 199 would be a chance of less than one in a thousand; the
    # percentile bootstrap of 25 groups is known to be somewhat short.
    assert 176 <= hits <= 199


def test_equal_models_are_not_told_apart_and_the_result_is_repeatable() -> None:
    first, second = _blocks(np.random.default_rng(5), 1.0, 25, 0.02, 0.0)
    assert ratio_interval(first, second) == ratio_interval(first, second)
    _, low, high = ratio_interval(first, second)
    assert low < 1 < high


@pytest.fixture
def target(tmp_path: Path) -> Target:
    settings = [f"device.root={tmp_path / 'root'}", "device.warmup=2", 'device.engine="litert"']
    return load_target("host", None, settings)


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    """One convolution, and the same another of 250 times the positions."""
    small, large = tmp_path / "small.tflite", tmp_path / "large.tflite"
    small.write_bytes(conv_model())
    large.write_bytes(_wide(96))
    return small, large


def _wide(size: int) -> bytes:
    tensors = [
        T("x", (1, size, size, 2), scales=[0.1], zero_points=[0]),
        T("w", (8, 3, 3, 2), data=np.ones((8, 3, 3, 2)), scales=(0.5,) * 8, zero_points=(0,) * 8),
        T("b", (8,), "INT32", [0] * 8, scales=(0.05,) * 8),
        T("y", (1, size - 2, size - 2, 8), scales=[0.2], zero_points=[0]),
    ]
    options = {"Padding": 1, "StrideW": 1, "StrideH": 1}
    return build(G(tensors, [O("CONV_2D", (0, 1, 2), (3,), "Conv2DOptions", options)], (0,), (3,)))


def _compare(models: tuple[Path, Path], engines: tuple[str, str] | None, target: Target) -> Comparison:
    return compare(models, engines, LocalDevice(), target, SilentProgress(), 1.0)


def test_a_larger_model_is_slower_whichever_comes_first(
    models: tuple[Path, Path], target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = _compare(models, None, target)
    assert compared.differ and compared.ratio > 1.5 and compared.low <= compared.ratio <= compared.high
    assert compared.groups >= 8 and len(compared.first.blocks) == len(compared.second.blocks) == 2 * compared.groups
    assert f"A is {compared.ratio:.2f} times as fast" in comparison_sentence(compared)
    turned = _compare((models[1], models[0]), None, target)
    assert turned.ratio < 0.7 and "times as fast" in comparison_sentence(turned)
    assert [path.name for path in Path(str(target.device.root)).iterdir()] == [".runners"], "nothing stays but the runner"


def test_two_engines_run_one_model(models: tuple[Path, Path], target: Target) -> None:
    compared = _compare((models[0], models[0]), ("litert", "tflite-ref"), target)
    assert compared.first.engine.startswith("litert ") and compared.second.engine == "tflite-ref 2.14.0"
    differing = {item.quantity: item.value for item in compared.second.measurements}
    assert differing["golden_inputs_differing"] == 0
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    print_comparison(compared, console)
    text = console.export_text()
    assert "B / A" in text and "95 % interval" in text and "tflite-ref 2.14.0" in text


def test_a_runner_that_dies_ends_the_comparison(
    models: tuple[Path, Path], target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second runner's serve is a program that ends before it is ready, then one that ends within a block."""
    from dataclasses import replace

    original = comparing.choose_runner
    count = iter(range(100))
    for body in ("exit 3", "echo ready 5; read -r line; exit 3"):
        program = tmp_path / f"dies-{next(count)}"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
        calls = iter(range(2))

        def choose(*arguments: object, calls: object = calls, program: Path = program) -> object:
            runner = original(*arguments)  # type: ignore[arg-type]
            return runner if next(calls) == 0 else replace(runner, argv=(str(program),))  # type: ignore[call-overload]

        monkeypatch.setattr(comparing, "choose_runner", choose)
        monkeypatch.setattr(comparing, "measure_golden", lambda *arguments: _passing())
        with pytest.raises(DeviceError) as caught:
            _compare(models, None, target)
        assert caught.value.code == "EP-517"
        assert not list(Path(str(target.device.root)).rglob("*.in"))


def _passing() -> object:
    from edgepack.engines.types import GoldenCheck

    return GoldenCheck(1, 0, 0.0, 0.0, 0, 16.0, "litert")


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (
            5.053,
            "B takes 5.053 times as long as A (95 % interval 5.048 to 5.058, 8 groups of four blocks): A is 5.05 times as fast",
        ),
        (
            0.5,
            "B takes 0.500 times as long as A (95 % interval 0.495 to 0.505, 8 groups of four blocks): B is 2.00 times as fast",
        ),
        (0.98, "B takes 0.980 times as long as A (95 % interval 0.975 to 0.985, 8 groups of four blocks): B is 2 % faster"),
        (1.002, "B takes 1.002 times as long as A (95 % interval 0.997 to 1.007, 8 groups of four blocks): no difference shown"),
    ],
)
def test_the_sentence_says_which_is_faster_and_by_how_much(ratio: float, said: str) -> None:
    from types import SimpleNamespace

    low, high = ratio - 0.005, ratio + 0.005
    compared = SimpleNamespace(ratio=ratio, low=low, high=high, groups=8, differ=not low <= 1 <= high)
    assert comparison_sentence(compared) == said  # type: ignore[arg-type]
