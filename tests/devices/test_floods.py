"""A device that writes without end, or says nonsense, costs bounded memory and time and gives one clear error."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from edgepack.devices import Device
from edgepack.devices.device import Completed
from edgepack.devices.facts import parse_facts
from edgepack.devices.local import LocalDevice
from edgepack.devices.shell import unwrap
from edgepack.devices.ssh import SshDevice
from edgepack.engines.call import run_runner
from edgepack.engines.results import PROBE_PYTHON, shape_of
from edgepack.ground.errors import DeviceError
from edgepack.workers.process import run_process

# In a process of its own, whose peak of memory is that of the flood alone (VmHWM starts anew with a program,
# getrusage's peak begins with the parent's); it says the error's code, its seconds and its MiB.
_FLOODED = """
import re, sys, time
from pathlib import Path
from edgepack.devices.local import LocalDevice
from edgepack.ground.errors import DeviceError
start = time.monotonic()
try:
    LocalDevice().run(["sh", "-c", sys.argv[1]], timeout=float(sys.argv[2]))
except DeviceError as error:
    peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
    print(error.code, time.monotonic() - start, int(peak[1]) / 1024, error, sep="|")
"""


def _flooded(script: str, timeout: float = 30.0) -> tuple[str, float, float, str]:
    done = subprocess.run([sys.executable, "-c", _FLOODED, script, str(timeout)], capture_output=True, text=True, timeout=120)
    code, seconds, peak, message = done.stdout.strip().split("|")
    return code, float(seconds), float(peak), message


@pytest.mark.parametrize("script", ["yes | head -c 10G", "yes | head -c 10G >&2"])
def test_a_flood_is_stopped_long_before_its_end_and_is_not_held_in_memory(script: str) -> None:
    code, seconds, peak, message = _flooded(script)
    assert code == "EP-533" and "this machine" in message and "MiB" in message
    assert seconds < 20 and peak < 200


def test_a_trickle_without_end_stops_at_the_timeout() -> None:
    code, seconds, peak, _ = _flooded("while :; do echo x; sleep 0.01; done", timeout=2.0)
    assert code == "EP-508" and seconds < 10 and peak < 200


def test_what_a_program_may_write_is_what_its_caller_expects() -> None:
    assert len(run_process(["head", "-c", "1000", "/dev/zero"], timeout=10, most=1000).stdout) == 1000
    with pytest.raises(DeviceError, match="head wrote more than 999 bytes to standard output and was stopped") as caught:
        run_process(["head", "-c", "1000", "/dev/zero"], timeout=10, most=999)
    assert caught.value.code == "EP-533"


def test_a_file_larger_than_expected_is_not_fetched(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 33)
    with pytest.raises(DeviceError) as caught:
        LocalDevice().get(str(tmp_path / "large"), tmp_path / "here", 1 << 20)
    assert caught.value.code == "EP-533" and not (tmp_path / "here").exists()
    (tmp_path / "large").unlink()  # other tests read whatever is in the run's folder


def test_a_flood_over_ssh_is_stopped_and_the_device_is_usable_afterwards(ssh_device: SshDevice) -> None:
    start = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        ssh_device.run(["sh", "-c", "yes | head -c 10G"], timeout=60)
    assert caught.value.code == "EP-533" and ssh_device.name in str(caught.value) and time.monotonic() - start < 30
    assert ssh_device.run(["echo", "there"], timeout=20).text == "there"


def test_an_exit_status_of_a_thousand_digits_is_no_end() -> None:
    end = f"\nedgepack-begin-n\nx\nedgepack-end-n {'9' * 10_000}\n"
    assert unwrap(end.encode(), "n")[0] is None


@pytest.mark.parametrize("value", ["inf", "nan", "1e400", "-1e300", "9" * 5000, "²", "x"])
def test_facts_that_are_no_numbers_are_left_out(value: str) -> None:
    keys = ("bits", "cores", "memory_kib", "frequency_khz", "temperature_mc", "load", "clock", "sdk", "battery", "thermal_status")
    facts = parse_facts("\n".join(f"{key}={value}" for key in keys) + f"\ncore_clocks={value}:1 ²:5\nhostname={'h' * 10**6}")
    assert (facts.cores, facts.memory, facts.load, facts.clock, facts.core_clocks) == (None, None, None, None, ())
    assert len(facts.hostname) <= 1000


class _Says:
    """A device on which every program prints the same."""

    kind, address, name, stand_in, stand_in_reason = "local", "here", "board", False, ""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def run(self, argv: Any, *, timeout: float, stdin: bytes | None = None) -> Completed:
        return Completed(0, self._said, b"")


def _ask(result: str, shape: Any) -> DeviceError:
    device: Device = _Says(f"EDGEPACK-RESULT\n{result}\nEDGEPACK-END\n".encode())  # type: ignore[assignment]
    with pytest.raises(DeviceError) as caught:
        run_runner(device, ["runner"], 1.0, shape)
    assert caught.value.exit_code == 4 and caught.value.hint and len(str(caught.value)) < 400
    return caught.value


_GOLDEN = {"count": 4, "inputs_differing": 0, "max_difference": 0.0, "median_difference": 0.0, "argmax_moved": 0}
_STATE = {"temperature": None, "frequencies": [], "governors": []}
_BENCH = {
    **dict.fromkeys(("min", "p50", "p95", "p99", "mean", "max"), 0.001),
    "runs": 1,
    "warmup_runs": 20,
    "stable": True,
    "samples": [0.001],
    "peak_memory": None,
    "memory_before": None,
    "before": _STATE,
    "after": _STATE,
}


@pytest.mark.parametrize(
    "result",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "[" * 500 + "]" * 500,
        '{"count": ' + "9" * 5000 + "}",
        '{"count": ' + "9" * 4000 + "}",
        "not JSON",
        "[]",
        "null",
        "\xff",
        '{"x": "' + "y" * (17 << 20) + '"}',
    ],
)
def test_what_is_no_json_is_no_result(result: str) -> None:
    assert _ask(result, shape_of("golden")).code == "EP-517"


@pytest.mark.parametrize("key", sorted(_GOLDEN))
@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "null", '"4"', "[]", "{}", "true"])
def test_a_value_of_another_kind_is_named(key: str, value: str) -> None:
    text = json.dumps({**_GOLDEN, key: "HERE"}).replace('"HERE"', value)
    error = _ask(text, shape_of("golden"))
    assert error.code == "EP-517" and repr(key) in str(error)


@pytest.mark.parametrize("key", sorted(_BENCH))
def test_a_key_that_lacks_is_named(key: str) -> None:
    error = _ask(json.dumps({name: value for name, value in _BENCH.items() if name != key}), shape_of("bench"))
    assert f"lacks {key!r}" in str(error)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": []}, "'samples' is not a list of seconds"),
        ({"samples": [0.001, None]}, "'samples' is not a list of seconds"),
        ({"p50": 0}, "'p50' is not a number above 0"),
        ({"after": {**_STATE, "frequencies": ["fast"]}}, "an element of 'frequencies' is not a finite number"),
        ({"during": [3]}, "an element of 'during' is not a table"),
        ({"energy": {"energy": 1.0}}, "'energy' lacks 'source'"),
        ({"energy": 7}, "'energy' is not a table"),
        ({"stable": 1}, "'stable' is not true or false"),
    ],
)
def test_what_is_wrong_in_a_benchmark_is_said(change: dict[str, Any], words: str) -> None:
    assert words in str(_ask(json.dumps({**_BENCH, **change}), shape_of("bench")))


@pytest.mark.parametrize("version", ["1.26.4 --index-url http://x", "", "../x", 3, None])
def test_a_version_is_a_version(version: Any) -> None:
    package = {"error": "ModuleNotFoundError"}
    packages = {"numpy": {"version": version}, "ai_edge_litert": package, "tflite_runtime": package}
    probe = {"python": "3.11.2", "machine": "aarch64", "bits": 64, "libc": ["glibc", "2.36"], "packages": packages}
    assert "'version' is not a version" in str(_ask(json.dumps(probe), PROBE_PYTHON))


def test_an_error_of_a_megabyte_is_shortened() -> None:
    error = _ask_long(json.dumps({"error": "x" * 2**20, "kind": "model"}))
    assert error.code == "EP-517" and len(str(error)) < 1200


def _ask_long(result: str) -> DeviceError:
    device: Device = _Says(f"EDGEPACK-RESULT\n{result}\nEDGEPACK-END\n".encode())  # type: ignore[assignment]
    with pytest.raises(DeviceError) as caught:
        run_runner(device, ["runner"], 1.0, {})
    return caught.value
