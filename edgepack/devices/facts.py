"""What a Linux or Android device says of itself, gathered by one small shell script."""

from __future__ import annotations

from edgepack.devices.device import DeviceFacts

# One `key=value` line a fact; a missing file or tool leaves its fact out. A device-tree model ends in a NUL.
FACTS_SCRIPT = r"""
say() { [ -n "$2" ] && printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n\t' '  ')"; }
first() { for f in "$@"; do [ -r "$f" ] && { tr -d '\000' <"$f" 2>/dev/null | head -n 1; return; }; done; }
say hostname "$(uname -n)"
say system "$(uname -s)"
say kernel "$(uname -r)"
say machine "$(uname -m)"
say bits "$(getconf LONG_BIT 2>/dev/null)"
say os "$(. /etc/os-release 2>/dev/null && printf '%s' "$PRETTY_NAME")"
say model "$(first /proc/device-tree/model /sys/firmware/devicetree/base/model /sys/devices/virtual/dmi/id/product_name)"
say cpu "$(sed -n -e 's/^model name[[:space:]]*: *//p' -e 's/^Hardware[[:space:]]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)"
say cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null)"
say memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)"
say governor "$(first /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor)"
say frequency_khz "$(cat /sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq 2>/dev/null | sort -n | tail -n 1)"
say temperature_mc "$(cat /sys/class/thermal/thermal_zone*/temp 2>/dev/null | sort -n | tail -n 1)"
say throttled "$(vcgencmd get_throttled 2>/dev/null | sed 's/.*=//')"
say load "$(first /proc/loadavg)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
say home "$HOME"
say boot "$(first /proc/sys/kernel/random/boot_id)"
say clock "$(date +%s)"
"""


def parse_facts(text: str, stand_in: bool = False, reason: str = "") -> DeviceFacts:
    """Facts from the script's output; lines that are no fact, such as a login script's, are dropped."""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    memory, frequency = _number(said.pop("memory_kib", "")), _number(said.pop("frequency_khz", ""))
    temperature = _number(said.pop("temperature_mc", ""))
    load = _number(said.pop("load", "").partition(" ")[0])
    bits, cores, clock = (_number(said.pop(key, "")) for key in ("bits", "cores", "clock"))
    words = {
        key: said.pop(key, "").strip()
        for key in (
            "hostname",
            "system",
            "kernel",
            "machine",
            "os",
            "model",
            "cpu",
            "governor",
            "throttled",
            "libc",
            "home",
            "boot",
        )
    }
    return DeviceFacts(
        **words,
        bits=None if bits is None else int(bits),
        cores=None if cores is None else int(cores),
        memory=None if memory is None else int(memory) * 1024,
        frequency=None if frequency is None else frequency * 1000,
        temperature=None if temperature is None else temperature / 1000,
        load=load,
        clock=None if clock is None else int(clock),
        stand_in=stand_in,
        stand_in_reason=reason,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
