"""Engine and threads left open: measured on the device, the fastest right one taken, the choice kept and shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgepack.devices.local import LocalDevice
from edgepack.engines import choose
from edgepack.engines.errors import RefusedThere, RunnerFailed, WrongOutputs
from edgepack.engines.types import Candidate, Runner
from edgepack.ground.errors import DeviceError, DeviceTimeout, ProjectError
from edgepack.ground.progress import SilentProgress
from edgepack.pack import Pack, write_pack
from edgepack.project import Target, load_target
from edgepack.releases.deploy import deploy
from tests.pack.test_reference import bias_of_dimension_3

Targets = Callable[..., Target]


_ERRORS: dict[str, type[DeviceError]] = {
    "EP-508": DeviceTimeout, "EP-509": DeviceError, "EP-517": RunnerFailed, "EP-527": WrongOutputs,
}  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "edgepack" / "engines"


def _faked(monkeypatch: pytest.MonkeyPatch, times: dict[tuple[str, int], float | str]) -> list[tuple[str, int]]:
    """Candidates take these times, or fail with this code; returns what was tried."""
    tried: list[tuple[str, int]] = []

    def attempt(device: LocalDevice, runner: Runner, folder: str, pack: Pack) -> Candidate:
        tried.append((runner.engine, runner.threads))
        value = times[runner.engine, runner.threads]
        if isinstance(value, str):
            raise _ERRORS[value](value, f"{runner.engine} failed", "")
        return Candidate(runner.engine, runner.engine_version, runner.threads, value, "")

    monkeypatch.setattr(choose, "_try", attempt)
    monkeypatch.setattr(choose, "thread_counts", lambda cores: (1, 2))
    return tried


def _deployed(pack: Pack, target: Target) -> Runner:
    return deploy(pack, LocalDevice(), target, SilentProgress()).runner


def test_the_fastest_engine_is_found_on_the_device_itself(first: Pack, target: Targets, own_cache: Path) -> None:
    """On a convolution of 36 positions neither can be expected to win; each was run and timed, and the faster was taken."""
    runner = _deployed(first, target("device.engine=auto"))
    assert [candidate.engine for candidate in runner.candidates] == ["litert", "tflite"]
    medians = [candidate.median for candidate in runner.candidates]
    assert all(median is not None and 0 < median < 1 for median in medians)
    litert, tflite = medians
    assert runner.engine == ("tflite" if tflite < choose._MARGIN * litert else "litert")
    assert len(list(own_cache.iterdir())) == 1


def test_threads_are_tried_too_and_the_choice_is_kept(
    first: Pack, second: Pack, target: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: dict[tuple[str, int], float | str] = {
        ("litert", 1): 2.0, ("litert", 2): 1.0, ("tflite", 1): 3.0, ("tflite", 2): 2.5,
    }  # fmt: skip
    tried = _faked(monkeypatch, times)
    both = target("device.engine=auto", "device.threads=auto")
    runner = _deployed(first, both)
    assert (runner.engine, runner.threads) == ("litert", 2) and tried == list(times)
    assert _deployed(first, both) == runner and len(tried) == 4, "not measured again"
    _deployed(second, both)
    assert len(tried) == 8, "another model is another question"


def test_more_threads_must_be_worth_it(first: Pack, target: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
    _faked(monkeypatch, {("litert", 1): 1.0, ("litert", 2): 0.97})
    assert _deployed(first, target("device.engine=litert", "device.threads=auto")).threads == 1


@pytest.mark.parametrize("code", ["EP-508", "EP-517", "EP-527"])
def test_an_engine_that_crashes_hangs_or_is_wrong_is_left_out(
    code: str, first: Pack, target: Targets, monkeypatch: pytest.MonkeyPatch
) -> None:
    _faked(monkeypatch, {("litert", 1): code, ("tflite", 1): 3.0})
    runner = _deployed(first, target("device.engine=auto"))
    assert runner.engine == "tflite" and runner.candidates[0].median is None
    assert "litert failed" in runner.candidates[0].reason


def test_when_none_is_right_the_first_ones_error_is_told(first: Pack, target: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
    _faked(monkeypatch, {("litert", 1): "EP-527", ("tflite", 1): "EP-517"})
    with pytest.raises(DeviceError) as caught:
        _deployed(first, target("device.engine=auto"))
    assert caught.value.code == "EP-527"


def test_a_broken_link_is_no_bad_candidate(first: Pack, target: Targets, monkeypatch: pytest.MonkeyPatch) -> None:
    _faked(monkeypatch, {("litert", 1): "EP-509", ("tflite", 1): 1.0})
    with pytest.raises(DeviceError) as caught:
        _deployed(first, target("device.engine=auto"))
    assert caught.value.code == "EP-509"


def test_a_damaged_note_of_a_choice_is_not_trusted(first: Pack, target: Targets, own_cache: Path, monkeypatch: Any) -> None:
    tried = _faked(monkeypatch, {("litert", 1): 1.0, ("tflite", 1): 3.0})
    _deployed(first, target("device.engine=auto"))
    (note,) = own_cache.iterdir()
    note.write_text('{"engine": "litert"')
    assert _deployed(first, target("device.engine=auto")).engine == "litert" and len(tried) == 4


def test_a_number_of_threads_that_is_none_is_refused() -> None:
    with pytest.raises(ProjectError):
        load_target("rpi", None, ['device.threads="many"'])
    assert load_target("rpi", None, ["device.threads=auto"]).device.threads == 0


def test_the_generated_c_runs_what_every_runtime_refuses(tmp_path: Path, target: Targets) -> None:
    file = tmp_path / "bias.tflite"
    file.write_bytes(bias_of_dimension_3())
    pack = write_pack(tmp_path / "pack", "bias", file)
    runner = _deployed(pack, target("device.engine=auto"))
    assert runner.engine == "c"
    assert [candidate.median is None for candidate in runner.candidates] == [True] * (len(runner.candidates) - 1) + [False]
    with pytest.raises(RefusedThere) as caught:
        _deployed(pack, target("device.engine=litert"))
    assert "litert: the runtime refuses" in str(caught.value) and 'engine="c"' in caught.value.hint
