"""Power sensors as files and programs of a made-up system; the arithmetic against hand-computed watts and joules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edgepack.judge import judge
from edgepack.measure.energy import energy_measurements
from edgepack.project import Target, load_target
from edgepack.runners import RUNNER, parse_result
from edgepack.runners.on_device import run as program
from edgepack.workers.confinement.memory import bounded_memory
from tests.flatbuffer.build import conv_model

energy: Any = program.part("run_energy")
conditions: Any = program.part("run_conditions")

# As a Raspberry Pi 5 prints it, shortened: 2.43 A * 0.87 V + 0.1 A * 3.3 V = 2.4441 W; EXT5V has no current and counts nothing.
PMIC = """\
     3V3_SYS_A current(2)=0.10000000A
    VDD_CORE_A current(7)=2.43000000A
     3V3_SYS_V volt(10)=3.30000000V
    VDD_CORE_V volt(15)=0.87000000V
      EXT5V_V volt(24)=5.14400000V
"""


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "system"
    root.mkdir()
    monkeypatch.setenv("EDGEPACK_SYSTEM_ROOT", str(root))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return root


def _write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def _hwmon(root: Path, name: str, microwatts: str) -> None:
    _write(root / "sys/class/hwmon/hwmon0", name="cpu_thermal", temp1_input="48000")
    _write(root / "sys/class/hwmon/hwmon1", name=name, power1_input=microwatts)


def _battery(root: Path, **changes: str) -> Path:
    folder = root / "sys/class/power_supply/battery"
    files = {"type": "Battery", "status": "Discharging", "capacity": "55", "current_now": "-420000", "voltage_now": "3850000"}
    _write(folder, **{**files, **changes})
    return folder


def _vcgencmd(tmp_path: Path, power: str = PMIC, throttled: str = "0x0") -> None:
    (tmp_path / "bin").mkdir(exist_ok=True)
    script = tmp_path / "bin" / "vcgencmd"
    (tmp_path / "pmic").write_text(power)
    script.write_text(
        f'#!/bin/sh\ncase $1 in pmic_read_adc) cat "{tmp_path}/pmic" ;; get_throttled) echo throttled={throttled} ;; esac\n'
    )
    script.chmod(0o755)


@pytest.mark.parametrize("name", ["ina219", "ina226", "ina260", "ina2xx"])
def test_a_monitor_with_a_kernel_driver_is_read_in_microwatts(system: Path, name: str) -> None:
    _hwmon(system, name, "3120000")
    source, _ = energy.find_source()
    assert source.kind == "hwmon" and name in source.name and source.read() == pytest.approx(3.12)


def test_other_hardware_monitors_are_left_alone(system: Path) -> None:
    _hwmon(system, "amdgpu", "3120000")
    source, reason = energy.find_source()
    assert source is None and "no power sensor" in reason


def test_the_pi_5_sums_its_rails(system: Path, tmp_path: Path) -> None:
    _vcgencmd(tmp_path)
    source, _ = energy.find_source()
    assert source.kind == "pmic" and source.read() == pytest.approx(2.4441)
    assert "USB" in source.name, "what the figure leaves out belongs to it"


def test_a_pi_4_has_no_such_command(system: Path, tmp_path: Path) -> None:
    _vcgencmd(tmp_path, power='error=1 error_msg="Command not registered"\n', throttled="0x50005")
    assert energy.find_source()[0] is None and conditions.throttled() == 0x50005


def test_a_firmware_tool_that_floods_or_hangs_is_as_good_as_none(system: Path, tmp_path: Path) -> None:
    _vcgencmd(tmp_path)
    for script in ("exec yes 'throttled=0x1'", "exec sleep 60"):
        (tmp_path / "bin" / "vcgencmd").write_text(f"#!/bin/sh\n{script}\n")
        with bounded_memory(64 << 20):
            assert conditions.throttled() is None


def test_a_phones_gauge_is_current_times_voltage_whatever_the_sign(system: Path) -> None:
    folder = _battery(system)
    source, _ = energy.find_source()
    assert source.kind == "battery" and source.read() == pytest.approx(0.42 * 3.85)
    (folder / "power_now").write_text("1900000\n")
    assert source.read() == pytest.approx(1.9)
    (folder / "status").write_text("Charging\n")
    assert source.read() is None


def test_a_charging_phone_and_a_mouses_battery_tell_nothing(system: Path) -> None:
    folder = _battery(system, status="Charging")
    source, reason = energy.find_source()
    assert source is None and "not discharging" in reason
    _write(folder, status="Discharging", scope="Device")
    assert energy.find_source()[0] is None and conditions.battery() is None


def test_ina_registers_are_computed_as_the_datasheets_say() -> None:
    """INA219: 12 mV across 0.1 ohm are 120 mA at 5.0 V; a negative shunt voltage only means that it is mounted the other way."""
    registers = {1: 1200, 2: (1250 << 3) | 2}
    assert energy.ina219_watts(registers.__getitem__, 0.1) == pytest.approx(0.6)
    registers[1] = 0x10000 - 1200
    assert energy.ina219_watts(registers.__getitem__, 0.1) == pytest.approx(0.6)
    assert energy.ina260_watts({3: 0x0137}.__getitem__, 0.1) == pytest.approx(3.11)


@pytest.mark.parametrize("text", ["ina219:/dev/no-bus:0x40:0.1", "ina260:/dev/null:0x40", "ina219:x", "ina219:/dev/null:zz"])
def test_an_i2c_sensor_that_does_not_answer_is_a_reason(text: str) -> None:
    source, reason = energy.find_source(text)
    assert source is None and text in reason


def _measured(monkeypatch: pytest.MonkeyPatch, watts: list[float], kind: str = "hwmon") -> tuple[dict[str, Any], list[float]]:
    """A sensor that gives `watts[0]` while idle and the others in turn while inferences of a known length run; what it gave."""
    import itertools
    import time

    busy = {"now": False}
    readings = itertools.cycle(watts[1:])
    given: list[float] = []

    def read() -> float:
        given.append(next(readings) if busy["now"] else watts[0])
        return given[-1]

    source = energy.Source(kind, "a sensor", read)
    monkeypatch.setattr(energy, "find_source", lambda wanted: (source, ""))
    monkeypatch.setattr(energy, "WINDOW", (0.05, 0.2))
    monkeypatch.setattr(energy, "WINDOWS", {})
    monkeypatch.setattr(energy, "RATE", 0.01)

    def invoke() -> None:
        busy["now"] = True
        time.sleep(0.002)

    found: dict[str, Any] = energy.measure(invoke, "auto")
    return found, given


def test_energy_is_mean_power_times_the_time_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    found, given = _measured(monkeypatch, [2.0, 5.0])
    each, busy = found["seconds"] / found["runs"], given[-found["samples"] :]
    assert found["idle_watts"] == 2.0 and 2.0 < found["busy_watts"] <= 5.0, "the first readings may still be idle ones"
    assert found["busy_watts"] == pytest.approx(sum(busy) / len(busy))
    assert found["energy"] == pytest.approx(found["busy_watts"] * each) and each >= 0.002
    assert found["energy_above_idle"] == pytest.approx((found["busy_watts"] - 2.0) * each)


def test_a_gauge_that_does_not_move_has_measured_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = _measured(monkeypatch, [2.0, 2.0], kind="battery")
    assert "energy" not in found and "too few to tell" in found["reason"]


@pytest.mark.slow
def test_the_benchmark_of_a_system_with_a_monitor_has_its_energy(system: Path, tmp_path: Path) -> None:
    """The whole runner, in a process, on a sensor that always says 3 W: gross is 3 W times a run, and nothing above idle."""
    _hwmon(system, "ina219", "3000000")
    model = tmp_path / "conv.tflite"
    model.write_bytes(conv_model())
    words = [sys.executable, str(RUNNER), "bench", "--model", str(model), "--runs", "10", "--warmup-seconds", "1"]
    result = parse_result(subprocess.run(words, capture_output=True).stdout)
    found = result["energy"]
    assert found["energy"] == pytest.approx(3.0 * found["seconds"] / found["runs"]) and found["energy_above_idle"] == 0
    off = parse_result(subprocess.run([*words, "--power", "off"], capture_output=True).stdout)
    assert "energy" not in off
    json.dumps(result)


def _target(*overrides: str) -> Target:
    return load_target("rpi", None, list(overrides))


_RESULT = {
    "energy": {
        "source": "ina219 (hwmon1)", "kind": "hwmon", "runs": 100, "seconds": 5.0, "samples": 50,
        "idle_watts": 2.0, "busy_watts": 5.0, "energy": 0.25, "energy_above_idle": 0.15,
    }
}  # fmt: skip


def test_a_measured_energy_is_judged_as_measured_and_idle_power_belongs_to_it() -> None:
    gross, above = energy_measurements(_RESULT, _target(), "hardware", {})
    assert (gross.quantity, gross.value, gross.unit, gross.method) == ("energy", 0.25, "J", "hardware")
    assert above.value == 0.15 and "2 W idle" in above.detail and "idle power included" in gross.detail
    for limit, status in (("300 mJ", "PASS"), ("200 mJ", "FAIL")):
        target = _target(f"budget.energy={limit}")
        (verdict,) = [one for one in judge(target, [gross, above], True) if one.budget == "energy"]
        assert verdict.status == status and not verdict.on_estimate


def test_without_a_sensor_a_budget_is_not_measured_and_says_why() -> None:
    result = {"energy": {"reason": "the device has no power sensor that edgepack knows"}}
    assert energy_measurements(result, _target(), "hardware", {}) == ()
    target = _target("budget.energy=300 mJ")
    (verdict,) = [
        one for one in judge(target, energy_measurements(result, target, "hardware", {}), True) if one.budget == "energy"
    ]
    assert verdict.status == "NOT MEASURED" and "no power sensor" in verdict.why


def test_energy_of_a_stand_in_is_not_the_targets() -> None:
    target = _target("budget.energy=300 mJ")
    found = energy_measurements(_RESULT, target, "stand-in", {})
    assert "not the target's hardware" in found[0].detail
    (verdict,) = [one for one in judge(target, found, False) if one.budget == "energy"]
    assert verdict.status == "NOT MEASURED"


@pytest.mark.parametrize("text", ["ina219", "ina219:/dev/i2c-1", "ina260:/dev/i2c-1:0x40; reboot", "sensor"])
def test_a_sensor_that_is_none_is_refused_in_the_target(text: str) -> None:
    from edgepack.ground.errors import ProjectError

    with pytest.raises(ProjectError):
        _target(f"device.power={text}")
    assert _target("device.power=ina219:/dev/i2c-1:0x40:0.1").device.power == "ina219:/dev/i2c-1:0x40:0.1"


def test_a_microcontrollers_energy_is_an_estimate_from_the_profiles_supply() -> None:
    """10 mA at 3.3 V for 2 ms are 66 uJ."""
    from edgepack.measure.mcu.measurements import energy_estimate

    target = load_target("cortex-m4", None, ["device.current=10 mA", "device.voltage=3.3 V", "budget.energy=100 uJ"])
    (found,) = energy_estimate(target, 0.002, "the time the board measured", {})
    assert found.value == pytest.approx(66e-6) and found.method == "estimate"
    (verdict,) = [one for one in judge(target, [found], True) if one.budget == "energy"]
    assert verdict.status == "PASS" and verdict.on_estimate
    assert energy_estimate(load_target("host"), 0.002, "", {}) == ()
