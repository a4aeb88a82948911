"""Parameter coding: what structure a tensor has, and the codes that store it in fewer bytes. One file a code."""

from edgepack.coding.code import UNIT, Code, Values, padded
from edgepack.coding.codes import CODES, SETTINGS, check_coding, find_code
from edgepack.coding.entropy import entropy_bits, entropy_bytes

__all__ = [
    "CODES",
    "SETTINGS",
    "UNIT",
    "Code",
    "Values",
    "check_coding",
    "entropy_bits",
    "entropy_bytes",
    "find_code",
    "padded",
]
