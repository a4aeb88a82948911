"""What a Linux or Android device says of itself, gathered by one small shell script."""

from __future__ import annotations

import re

from edgepack.devices.device import DeviceFacts

# One `key=value` line a fact; a missing file or tool leaves its fact out. A device-tree model ends in a NUL.
FACTS_SCRIPT = r"""
set -f
# shellcheck disable=SC2048,SC2086 # splitting joins lines with spaces
say() { k=$1; shift; set -- $*; [ "$#" = 0 ] || echo "$k=$*"; }
first() { for f in "$@"; do [ -r "$f" ] && read -r line <"$f" 2>/dev/null && { echo "$line"; return; }; done; }
brief() { if timeout 5 true </dev/null >/dev/null 2>&1; then timeout 5 "$@"; else "$@"; fi </dev/null 2>/dev/null; }
say hostname "$(uname -n)"
say system "$(uname -s)"
say kernel "$(uname -r)"
say machine "$(uname -m)"
say bits "$(getconf LONG_BIT 2>/dev/null)"
say os "$(. /etc/os-release 2>/dev/null && echo "$PRETTY_NAME")"
for f in /proc/device-tree/model /sys/firmware/devicetree/base/model /sys/devices/virtual/dmi/id/product_name; do
  [ -r "$f" ] && { say model "$(tr -d '\000' <"$f" 2>/dev/null)"; break; }
done
say cpu "$(sed -n -e 's/^model name[[:space:]]*: *//p' -e 's/^Hardware[[:space:]]*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)"
say cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null)"
say memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)"
say governor "$(first /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor)"
set +f
say frequency_khz "$(cat /sys/devices/system/cpu/cpu*/cpufreq/scaling_cur_freq 2>/dev/null | sort -n | tail -n 1)"
say temperature_mc "$(cat /sys/class/thermal/thermal_zone*/temp 2>/dev/null | sort -n | tail -n 1)"
say core_clocks "$(for f in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq; do
  n=${f#*/cpu/cpu}; [ -r "$f" ] && echo "${n%%/*}:$(first "$f")"; done)"
set -f
say throttled "$(brief vcgencmd get_throttled | sed 's/.*=//')"
say load "$(first /proc/loadavg)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
echo "home=$HOME"
say boot "$(first /proc/sys/kernel/random/boot_id)"
say clock "$(date +%s)"
if command -v getprop >/dev/null 2>&1; then
  say os "Android $(getprop ro.build.version.release)"
  say model "$(getprop ro.product.manufacturer) $(getprop ro.product.model)"
  say abis "$(getprop ro.product.cpu.abilist)"
  say sdk "$(getprop ro.build.version.sdk)"
  hardware=$(getprop ro.hardware)
  for p in "$hardware" "$(getprop ro.board.platform)" "$(getprop ro.soc.model)"; do say soc "$p"; done
  case "$(getprop ro.kernel.qemu)$(getprop ro.boot.qemu) $hardware" in
    1* | *goldfish | *ranchu | *cutf* | *edgepack*) say emulator "$hardware" ;;
  esac
  [ -r /proc/sys/kernel/random/boot_id ] || say boot "$(getprop ro.boottime.init)"
  say battery "$(brief dumpsys battery | sed -n 's/^ *level: *//p')"
  say thermal_status "$(brief dumpsys thermalservice | sed -n 's/^Thermal Status: *//p')"
fi
:
"""


_LONGEST = 1000  # characters of a fact
_MOST_CORES = 4096


def parse_facts(text: str, stand_in: bool = False, reason: str = "") -> DeviceFacts:
    """Facts from the script's output; lines that are no fact, such as a login script's, are dropped."""
    said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    memory, frequency = _number(said.pop("memory_kib", "")), _number(said.pop("frequency_khz", ""))
    temperature = _number(said.pop("temperature_mc", ""))
    load = _number(said.pop("load", "").partition(" ")[0])
    bits, cores, clock = (_number(said.pop(key, "")) for key in ("bits", "cores", "clock"))
    sdk, battery, thermal = (_number(said.pop(key, "")) for key in ("sdk", "battery", "thermal_status"))
    words = {
        key: said.pop(key, "").strip()[:_LONGEST]
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
            "soc",
            "emulator",
        )
    }
    return DeviceFacts(
        **words,
        bits=None if bits is None else int(bits),
        cores=None if cores is None or not 1 <= cores <= _MOST_CORES else int(cores),
        memory=None if memory is None else int(memory) * 1024,
        frequency=None if frequency is None else frequency * 1000,
        temperature=None if temperature is None else temperature / 1000,
        load=load,
        clock=None if clock is None else int(clock),
        core_clocks=_core_clocks(said.pop("core_clocks", "")),
        abis=tuple(word for word in said.pop("abis", "").split(",") if word),
        sdk=None if sdk is None else int(sdk),
        battery=battery,
        thermal_status=None if thermal is None else int(thermal),
        stand_in=stand_in,
        stand_in_reason=reason,
    )


def _core_clocks(text: str) -> tuple[float, ...]:
    """Clocks in Hz by the number of the core, from words of the form number:kHz; none unless every core says one.

    >>> _core_clocks("1:1800000 0:1800000 10:2400000 2:1800000")
    ()
    >>> _core_clocks("1:1800000 0:2000000")
    (2000000000.0, 1800000000.0)
    """
    pairs = [word.partition(":") for word in text.split()]
    clocks = {int(core): _number(clock) for core, _, clock in pairs if re.fullmatch("[0-9]{1,4}", core)}
    if sorted(clocks) != list(range(len(clocks))):
        return ()
    found = [clocks[core] for core in sorted(clocks)]
    return tuple(clock * 1000 for clock in found if clock) if all(found) else ()


def _number(text: str) -> float | None:
    """A number from 0 to 2**63, or below 0 a temperature; None for anything else: a device may say what it likes."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -1e6 < number < 2**63 else None
