"""Quantities as people write them ("256 KiB", "5 ms", "80 MHz") to base units, and back.

A unit is always required for times, frequencies and electrical quantities; a bare whole number is accepted for bytes alone.
KB is refused: datasheets mean 1024 bytes by it, disks 1000. kB and MB are the decimal units, KiB and MiB the binary ones.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_NUMBER = re.compile(r"\s*([-+]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d]*)\s*")

_PART = r"(?:(\d{1,6}(?:\.\d{1,3})?)\s*"
_DURATION = re.compile(rf"\s*{_PART}h)?\s*{_PART}m(?:in)?)?\s*{_PART}s)?\s*")

_LONGEST = 100  # characters of a quantity

# Decimal text, so that "300 us" is exactly the float 0.0003.
BYTES = {"B": "1", "kB": "1000", "MB": "1e6", "GB": "1e9", "KiB": "1024", "MiB": "1048576", "GiB": "1073741824"}
SECONDS = {"ns": "1e-9", "us": "1e-6", "µs": "1e-6", "ms": "1e-3", "s": "1", "min": "60"}
HERTZ = {"Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9"}
JOULES = {"nJ": "1e-9", "uJ": "1e-6", "µJ": "1e-6", "mJ": "1e-3", "J": "1"}
MILLIAMPERES = {"uA": "1e-3", "µA": "1e-3", "mA": "1", "A": "1e3"}
VOLTS = {"mV": "1e-3", "V": "1"}


def parse_bytes(value: str | int) -> int:
    """Such as "256 KiB" -> 262144; a whole number is a number of bytes.

    Raises:
        ValueError: not a quantity, an unknown or ambiguous unit, a negative or fractional number of bytes.
    """
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if is_count and abs(int(value)) >= 1 << 63:
        raise ValueError("it is not a number of bytes that fits 64 bits")
    number = float(value) if is_count else _parse(value, BYTES, '"256 KiB"')
    if number < 0:
        raise ValueError(f"{value!r} is negative")
    if number != int(number):
        raise ValueError(f"{value!r} is not a whole number of bytes")
    return int(number)


def parse_seconds(value: str) -> float:
    """Such as "5 ms" -> 0.005."""
    return _parse(value, SECONDS, '"5 ms"')


def parse_duration(value: str) -> float:
    """How long something may take, in seconds: "90s", "20m", "1h", "1h30m" -> 5400.0.

    Raises:
        ValueError: not of this form, or no time at all.
    """
    found = _DURATION.fullmatch(value)
    if found is None or not any(found.groups()):
        raise ValueError(f"{value!r} is not a time such as 90s, 20m or 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def parse_hertz(value: str) -> float:
    """Such as "80 MHz" -> 8e7."""
    return _parse(value, HERTZ, '"80 MHz"')


def parse_joules(value: str) -> float:
    """Such as "2 mJ" -> 0.002."""
    return _parse(value, JOULES, '"2 mJ"')


def parse_milliamperes(value: str) -> float:
    """Such as "10 mA" -> 10.0."""
    return _parse(value, MILLIAMPERES, '"10 mA"')


def parse_volts(value: str) -> float:
    """Such as "3.3 V" -> 3.3."""
    return _parse(value, VOLTS, '"3.3 V"')


def format_bytes(value: float) -> str:
    """65536 -> "64 KiB", 98496 -> "96.2 KiB", 512 -> "512 B"."""
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if abs(value) >= size:
            return f"{_short(value / size)} {unit}"
    return f"{value:.0f} B"


def format_seconds(value: float) -> str:
    """0.005 -> "5 ms", 0.0003721 -> "372 µs"."""
    return _scaled(value, (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)))


def format_hertz(value: float) -> str:
    """8e7 -> "80 MHz"."""
    return _scaled(value, (("GHz", 1e9), ("MHz", 1e6), ("kHz", 1e3), ("Hz", 1.0)))


def format_joules(value: float) -> str:
    """0.002 -> "2 mJ"."""
    return _scaled(value, (("J", 1.0), ("mJ", 1e-3), ("µJ", 1e-6), ("nJ", 1e-9)))


def format_quantity(value: float, unit: str) -> str:
    """A value in one of edgepack's base units: "bytes", "s", "Hz", "J", "" for a share, or any other unit as it is.

    >>> format_quantity(98496, "bytes"), format_quantity(0.0052, ""), format_quantity(0.0005, "s")
    ('96.2 KiB', '0.0052', '500 µs')
    """
    formats = {"bytes": format_bytes, "s": format_seconds, "Hz": format_hertz, "J": format_joules}
    if not math.isfinite(value):
        return "not a number"
    if unit in formats:
        return formats[unit](value)
    if unit == "":
        if abs(value) >= 1000:
            return f"{value:,.0f}"
        if abs(value) < 0.001:
            return f"{value:.1g}" if value else "0"
        return f"{value:.4f}".rstrip("0").rstrip(".")
    text = f"{value:,.0f}" if float(value).is_integer() else _short(value)
    return f"{text} {unit}"


def _parse(value: object, units: dict[str, str], example: str) -> float:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit; write it like {example}")
    match = _NUMBER.fullmatch(value) if len(value) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{value!r} is not a quantity; write it like {example}")
    number, unit = _decimal(match.group(1).replace("_", "")), match.group(2).replace("μ", "µ")
    if unit == "KB":
        raise ValueError(f"{value!r} is ambiguous; write KiB for 1024 bytes or kB for 1000")
    if unit not in units:
        problem = "has no unit" if not unit else f"has the unknown unit {unit!r}"
        names = ", ".join(name for name in units if name.isascii())
        raise ValueError(f"{value!r} {problem}; use one of {names}")
    try:
        result = float(number * Decimal(units[unit]))
    except ArithmeticError:  # Decimal's own, of exponents beyond any float
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(f"{value!r} is not a finite quantity")
    return result


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:  # an exponent that Decimal cannot hold
        return Decimal("Infinity")


def _scaled(value: float, units: tuple[tuple[str, float], ...]) -> str:
    for unit, size in units:
        if abs(value) >= size * 0.9995:
            return f"{_short(value / size)} {unit}"
    unit, size = units[-1]
    return f"{_short(value / size)} {unit}" if value else f"0 {units[0][0]}"


def _short(value: float) -> str:
    """Three significant digits, four from 1000 up, without trailing zeros."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
