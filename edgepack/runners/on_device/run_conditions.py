"""What may disturb a measurement on this machine: clocks, heat, throttling, battery, other programs. A part of run.py.

Python 3.9 or later and the standard library alone. Every file is read below EDGEPACK_SYSTEM_ROOT, "/" unless a test says
otherwise; what a system does not tell is None.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path
from typing import Any

INTERVAL = 0.5  # seconds between two looks at clock and heat during a benchmark


def system_root() -> Path:
    """The folder that stands for "/"."""
    return Path(os.environ.get("EDGEPACK_SYSTEM_ROOT", "/"))


def read_text(path: str | Path) -> str | None:
    """A small file's stripped text, None when it cannot be read."""
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return None


def read_number(path: str | Path) -> float | None:
    """A file that holds one number, None when it cannot be read or holds something else."""
    try:
        return float(read_text(path) or "")
    except ValueError:
        return None


def memory(field: str) -> int | None:
    """A field of /proc/self/status (VmRSS, VmHWM) in bytes, None when there is none."""
    for line in (read_text("/proc/self/status") or "").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return None


def frequencies() -> list[float]:
    """Every core's clock in Hz."""
    cpus = sorted((system_root() / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"))
    found = [read_number(cpu / "scaling_cur_freq") for cpu in cpus]
    return [number * 1000 for number in found if number is not None]


def temperature() -> float | None:
    """The hottest thermal zone, in °C."""
    zones = [read_number(path) for path in (system_root() / "sys/class/thermal").glob("thermal_zone*/temp")]
    return max((number / 1000 for number in zones if number is not None), default=None)


def ask_vcgencmd(*words: str) -> str | None:
    """What the Raspberry Pi's firmware answers, None where there is none."""
    try:
        process = subprocess.Popen(["vcgencmd", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return None
    with process:
        try:
            # More than a pipe holds, some 64 KiB, keeps it from ending; its answers are a thousandth of that.
            status = process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        assert process.stdout is not None
        return process.stdout.read().decode(errors="replace") if status == 0 else None


def throttled() -> int | None:
    """The bits of `vcgencmd get_throttled`."""
    try:
        return int((ask_vcgencmd("get_throttled") or "").partition("=")[2], 16)
    except ValueError:
        return None


def batteries() -> list[Path]:
    """The folders of the system's own batteries in sysfs, not those of mice and the like."""
    folders = sorted((system_root() / "sys/class/power_supply").glob("*"))
    return [one for one in folders if read_text(one / "type") == "Battery" and read_text(one / "scope") != "Device"]


def battery() -> dict[str, Any] | None:
    """Charge in percent and status ("Discharging", …) of the first battery."""
    for folder in batteries():
        level = read_number(folder / "capacity")
        if level is not None:
            return {"level": level, "status": read_text(folder / "status")}
    return None


def processor_time() -> dict[str, float] | None:
    """Seconds all cores were busy, and stolen by other virtual machines, since the start (/proc/stat; see proc(5))."""
    words = (read_text(system_root() / "proc/stat") or "").partition("\n")[0].split()
    if words[:1] != ["cpu"] or len(words) < 9 or not all(word.isdigit() for word in words[1:9]):
        return None
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) / os.sysconf("SC_CLK_TCK") for word in words[1:9])
    return {"busy": user + nice + system + irq + softirq, "stolen": steal}


def conditions() -> dict[str, Any]:
    """The state of the machine now, and counters that tell, read twice, what happened between.

    `temperature` in °C, `frequencies` in Hz, `throttled` the Raspberry Pi's bits, `load` the average of a minute, `time` a clock
    in seconds, `own` this process's processor time, `preempted` how often it lost a core it still wanted.
    """
    governors = {
        read_text(path) for path in (system_root() / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    }
    try:
        load: float | None = os.getloadavg()[0]
    except OSError:
        load = None
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "temperature": temperature(),
        "frequencies": frequencies(),
        "governors": sorted(governor for governor in governors if governor),
        "throttled": throttled(),
        "battery": battery(),
        "load": load,
        "processor": processor_time(),
        "own": usage.ru_utime + usage.ru_stime,
        "preempted": usage.ru_nivcsw,
        "time": time.monotonic(),
    }


class Watch:
    """A look at the fastest clock and the heat every INTERVAL seconds, taken between inferences and so never within one."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._start = self._next = time.monotonic()

    def look(self) -> None:
        """Note clock and heat when it is time to."""
        now = time.monotonic()
        if now >= self._next:
            clocks = frequencies()
            row = {"at": round(now - self._start, 3), "frequency": max(clocks, default=None), "temperature": temperature()}
            self.rows.append(row)
            self._next = time.monotonic() + INTERVAL
