"""Copied: values as they are, handed out a portion at a time, where other constants of the same kernel are coded."""

from __future__ import annotations

import numpy as np

from edgepack.coding.code import Code, Values, padded


class Copied(Code):
    """No code. It is never chosen for its size."""

    name = "copied"
    title = "as they are"
    kernel = "ep_copied"
    code_bytes = 60

    def encode(self, values: Values) -> bytes | None:
        """The values, padded."""
        return padded(values).tobytes()

    def decode(self, coded: bytes, count: int) -> Values:
        """The values."""
        return np.frombuffer(coded, np.int8, count)

    def per_value(self, values: Values, thumb2: bool) -> float:
        """As memcpy takes."""
        return 0.5
