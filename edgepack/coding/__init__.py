"""Parameter coding: what structure a tensor has, and the codes that store it in fewer bytes. One file a code."""

from edgepack.coding.code import UNIT, Code, Values, padded
from edgepack.coding.codes import CODES, find_code
from edgepack.coding.entropy import entropy_bits, entropy_bytes

__all__ = ["CODES", "UNIT", "Code", "Values", "entropy_bits", "entropy_bytes", "find_code", "padded"]
