"""`edgepack.fit` where tools are missing, and how it looks on a terminal."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, NoReturn

import pytest
from rich.console import Console

import edgepack
from edgepack.ground.errors import CompilerMissing, ToolError
from edgepack.pipeline.fit import core
from edgepack.report import Fit, TargetFit, print_fit
from tests.coding.networks import convolution
from tests.compile.test_shared_constants import stored_bytes

pytest.importorskip("ziglang", reason="ziglang is not installed")
pytest.importorskip("unicorn", reason="unicorn is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fit") / "pruned.tflite"
    file.write_bytes(convolution("pruned"))
    return file


@pytest.fixture(scope="module")
def whole(model: Path) -> Fit:
    return edgepack.fit(model, targets=("cortex-m4", "host"), quiet=True)


def _without(monkeypatch: pytest.MonkeyPatch, error: ToolError) -> None:
    def fails(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(core, "bench_mcu", fails)


def _statuses(row: TargetFit) -> dict[str, str]:
    return {verdict.budget: verdict.status for verdict in row.verdicts if verdict.counts}


def test_without_an_emulator_flash_is_judged_and_what_only_a_run_tells_is_not(
    model: Path, whole: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without(monkeypatch, ToolError("EP-604", "no emulator is installed", "install it"))
    row = (found := edgepack.fit(model, targets="cortex-m4", quiet=True)).row("cortex-m4")
    assert _statuses(row) == {"flash": "PASS", "ram": "NOT MEASURED", "latency_p50": "NOT MEASURED"}
    assert row.value("flash") == whole.row("cortex-m4").value("flash")
    assert row.status == "NOT MEASURED" and found.exit_code == 1 and found.smallest is None
    tight = edgepack.fit(model, targets="cortex-m4", settings={"budget.ram": "64 B"}, quiet=True).row("cortex-m4")
    assert _statuses(tight)["ram"] == "FAIL", "the arena alone is over the limit"
    assert [(need.what, need.at_least) for need in tight.needs] == [("arena", True)], "the stack is not known"


def test_without_a_compiler_only_a_part_that_is_over_a_limit_alone_decides(
    model: Path, whole: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without(monkeypatch, CompilerMissing("EP-601", "no C compiler is installed", "install it"))
    row = edgepack.fit(model, targets="cortex-m4", quiet=True).row("cortex-m4")
    assert _statuses(row) == dict.fromkeys(("flash", "ram", "latency_p50"), "NOT MEASURED")
    assert row.value("arena") == whole.row("cortex-m4").value("arena")
    tight = edgepack.fit(model, targets="cortex-m4", settings={"budget.flash": "100 B"}, quiet=True).row("cortex-m4")
    assert _statuses(tight)["flash"] == "FAIL"
    from edgepack.compile import compile_model
    from edgepack.flatbuffer import read_model

    code = compile_model(read_model(model), "pruned", "cortex-m4", coding="auto")
    assert tight.value("flash") == stored_bytes(code) < (whole.row("cortex-m4").value("flash") or 0)


def test_the_peaks_are_the_one_layer_and_its_arena(whole: Fit) -> None:
    row = whole.row("cortex-m4")
    assert row.ram_peak is not None and row.time_peak is not None
    assert row.ram_peak.operator == row.time_peak.operator == "CONV_2D"
    assert 0.9 < (row.time_peak.share or 0) <= 1 and row.time_peak.unit == "cycles"
    assert row.ram_peak.value <= (row.value("arena") or 0) <= row.ram_peak.value + 16


@pytest.mark.parametrize("terminal", [True, False])
def test_it_fits_80_columns(whole: Fit, terminal: bool) -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, highlight=False)
    print_fit(whole, console)
    assert isinstance(console.file, io.StringIO)
    text = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())
    tables = [line for line in text.splitlines() if re.match(r"(cortex-m4|host|RAM|cycles) ", line)]
    assert len(tables) == 4 and all(len(line) <= 80 for line in tables)
    flash = next(verdict for verdict in whole.row("cortex-m4").verdicts if verdict.budget == "flash")
    assert flash.measurement is not None and f"≤ {flash.limit // 1024} KiB" in tables[0]


def test_a_file_that_is_too_large_for_a_board_is_told_by_how_much(model: Path) -> None:
    row = edgepack.fit(model, targets="rpi", settings={"budget.model_size": "1 KiB"}, quiet=True).row("rpi")
    assert row.status == "FAIL" and row.missed[0].budget == "model_size"
    assert [(need.what, need.factor) for need in row.needs] == [("file", pytest.approx(model.stat().st_size / 1024))]


def test_a_profile_is_taken_as_an_object_too(model: Path, whole: Fit) -> None:
    target = edgepack.load_target("cortex-m4", settings={"budget.flash": "100 B"})
    found = edgepack.fit(model, targets=target, quiet=True)
    assert found.row("cortex-m4").missed[0].limit == 100 and not found.fits and whole.smallest == "cortex-m4"
