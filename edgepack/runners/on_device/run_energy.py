"""Power drawn while a model runs, from a sensor of the machine. A part of run.py.

Power is sampled while the machine idles and while inferences follow each other without a pause, apart from the timed runs.
Energy an inference is the mean power of the steady loop times the time an inference took there; the same less the idle power
is reported beside it. The sources, in the order they are tried:

- an INA219, INA226, INA260 and so on as the kernel shows it: /sys/class/hwmon/*/power1_input, in microwatts;
- the Raspberry Pi 5's power management chip: `vcgencmd pmic_read_adc`, the sum over its rails of current times voltage, which
  leaves out what goes to USB and to the 5 V pins;
- the battery's gauge (phones): power_now, or current_now times voltage_now, while it discharges.

An INA219 or INA260 that the kernel does not know is read directly when it is named: `ina219:/dev/i2c-1:0x40:0.1` (bus, address,
shunt in ohms). An address is never guessed: another chip may be there.
"""

from __future__ import annotations

import importlib
import os
import re
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable  # noqa: UP035 (Python 3.9)

run_conditions: Any = importlib.import_module("run_conditions")

RATE = 0.1  # seconds between samples
WINDOWS = {"battery": (5.0, 15.0)}  # gauges are updated every second or so
WINDOW = (2.0, 5.0)  # seconds idle, seconds of inferences
LEAST_CHANGES = 3  # different readings below which a sensor did not see the loop
I2C_SLAVE = 0x0703  # linux/i2c-dev.h


@dataclass(frozen=True)
class Source:
    """Something that tells the power drawn now, in watts; None when it does not just now."""

    kind: str
    name: str
    read: Callable[[], float | None]


def find_source(wanted: str = "auto") -> tuple[Source | None, str]:
    """The source to use and, when there is none, why."""
    if wanted.startswith(("ina219:", "ina260:")):
        try:
            return open_i2c(wanted), ""
        except (OSError, ValueError) as error:
            return None, f"{wanted} cannot be read: {error}"
    for find in (hwmon_source, pmic_source, battery_source):
        source = find()
        if source is not None:
            return source, ""
    charging = any(run_conditions.read_text(one / "status") != "Discharging" for one in run_conditions.batteries())
    return None, "the battery is not discharging" if charging else "the device has no power sensor that edgepack knows"


def hwmon_source() -> Source | None:
    """A power monitor of the INA2xx family with a kernel driver (Documentation/hwmon/ina2xx.rst)."""
    for folder in sorted((run_conditions.system_root() / "sys/class/hwmon").glob("hwmon*")):
        name = run_conditions.read_text(folder / "name") or ""
        read = partial(scaled, folder / "power1_input", 1e-6)
        if re.fullmatch(r"ina2\d\d|ina2xx|ina3221", name) and read() is not None:
            return Source("hwmon", f"{name} ({folder.name})", read)
    return None


def pmic_source() -> Source | None:
    """The Raspberry Pi 5's power management chip."""
    if read_pmic() is None:
        return None
    return Source("pmic", "Raspberry Pi 5 PMIC (without USB and the 5 V pins)", read_pmic)


def read_pmic() -> float | None:
    """Watts over all rails that tell both current and voltage."""
    answer = run_conditions.ask_vcgencmd("pmic_read_adc")
    return None if answer is None else pmic_watts(answer)


def pmic_watts(text: str) -> float | None:
    """The power in lines such as `VDD_CORE_A current(7)=2.43A` and `VDD_CORE_V volt(15)=0.87V`."""
    values = {kind: dict(re.findall(rf"(\w+)_{kind} \w+\(\d+\)=([\d.]+){kind}", text)) for kind in "AV"}
    rails = values["A"].keys() & values["V"].keys()
    return sum(float(values["A"][rail]) * float(values["V"][rail]) for rail in sorted(rails)) if rails else None


def battery_source() -> Source | None:
    """The gauge of a battery that discharges."""
    for folder in run_conditions.batteries():

        def read(folder: Any = folder) -> float | None:
            if run_conditions.read_text(folder / "status") != "Discharging":
                return None
            power = scaled(folder / "power_now", 1e-6)
            if power:
                return abs(power)
            current, voltage = scaled(folder / "current_now", 1e-6), scaled(folder / "voltage_now", 1e-6)
            return abs(current * voltage) if current and voltage else None  # the sign is each vendor's own

        if read() is not None:
            return Source("battery", f"battery gauge ({folder.name}), the whole device", read)
    return None


def scaled(file: Any, factor: float) -> float | None:
    """A number in a file times `factor`."""
    number = run_conditions.read_number(file)
    return None if number is None else number * factor


def open_i2c(text: str) -> Source:
    """An INA219 or INA260 read through i2c-dev; ValueError for a text that names none, OSError when it does not answer."""
    import fcntl

    words = text.split(":")
    if len(words) not in (3, 4):
        raise ValueError("write ina219:/dev/i2c-1:0x40:0.1 (bus, address, shunt in ohms) or ina260:/dev/i2c-1:0x40")
    chip, address, shunt = words[0], int(words[2], 0), float(words[3]) if len(words) == 4 else 0.1
    bus = os.open(words[1], os.O_RDWR)
    fcntl.ioctl(bus, I2C_SLAVE, address)

    def register(number: int) -> int:
        os.write(bus, bytes([number]))
        return int.from_bytes(os.read(bus, 2), "big")

    watts = {"ina219": ina219_watts, "ina260": ina260_watts}[chip]
    watts(register, shunt)
    return Source("i2c", f"{chip} at {words[1]} {address:#04x}", lambda: watts(register, shunt))


def ina219_watts(register: Callable[[int], int], shunt: float) -> float:
    """Datasheet SBOS448G: register 1 is the shunt's voltage in 10 uV, signed; register 2 >> 3 the bus's in 4 mV."""
    across = register(1)
    across -= 0x10000 if across & 0x8000 else 0
    return abs(across * 10e-6 / shunt * (register(2) >> 3) * 4e-3)


def ina260_watts(register: Callable[[int], int], shunt: float) -> float:
    """Datasheet SBOS656C: register 3 is the power in 10 mW; the shunt is inside."""
    return register(3) * 10e-3


class Sampler:
    """Readings of a source in a thread, until it is stopped; the times and the watts."""

    def __init__(self, source: Source) -> None:
        self.watts: list[float] = []
        self._source = source
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while True:
            value = self._source.read()
            if value is not None:
                self.watts.append(value)
            if self._stop.wait(RATE):
                return

    def stop(self) -> list[float]:
        """The readings."""
        self._stop.set()
        self._thread.join()
        return self.watts


def measure(invoke: Callable[[], Any], wanted: str) -> dict[str, Any]:
    """Energy an inference in joules, gross and above idle, or {"reason": why it could not be measured}."""
    source, reason = find_source(wanted)
    if source is None:
        return {"reason": reason}
    idle_seconds, busy_seconds = WINDOWS.get(source.kind, WINDOW)
    sampler = Sampler(source)
    time.sleep(idle_seconds)
    idle = sampler.stop()
    runs, start = 0, time.perf_counter()
    sampler = Sampler(source)
    while time.perf_counter() - start < busy_seconds:
        invoke()
        runs += 1
    seconds = time.perf_counter() - start
    busy = sampler.stop()
    found = {"source": source.name, "kind": source.kind, "runs": runs, "seconds": seconds, "samples": len(busy)}
    if not idle or not busy:
        return {**found, "reason": f"{source.name} stopped telling"}
    if len(set(busy)) < LEAST_CHANGES and source.kind == "battery":
        return {**found, "reason": f"{source.name} gave {len(set(busy))} different readings in {seconds:.0f} s, too few to tell"}
    idle_watts, busy_watts = sum(idle) / len(idle), sum(busy) / len(busy)
    each = seconds / runs
    return {
        **found,
        "idle_watts": idle_watts,
        "busy_watts": busy_watts,
        "energy": busy_watts * each,
        "energy_above_idle": (busy_watts - idle_watts) * each,
    }
