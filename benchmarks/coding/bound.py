"""Coded tensors beside the entropy of their values, and beside what constriction's entropy coders take for the same values."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from edgepack.coding import CODES, Values, entropy_bytes
from edgepack.compile import CCode
from edgepack.compile.coded.contents import content_of

LARGE = 4096
"""Values: smaller tensors are not held to their bound, for a code's table takes more of them."""


def tensors_of(code: CCode) -> list[dict[str, Any]]:
    """Every tensor of weights that is coded: its bytes as int8, as stored, in the code of the fewest bytes, at its entropy.

    `constriction` are the bytes of its streams without the table of frequencies, by range coding and by ANS; None where it is not
    installed.
    """
    found = []
    for layer in code.layers:
        for one in layer.considered:
            content = content_of(one.array)
            if one.coded is None or content is None or content.table is not None:
                continue
            sizes = {each.name: each.size(content.values) for each in CODES}
            found.append(
                {
                    "layer": layer.layer,
                    "values": int(content.values.size),
                    "code": one.coded.code,
                    "stored": sizes[one.coded.code],
                    "fewest": min(size for size in sizes.values() if size is not None),
                    "entropy": entropy_bytes(content.values),
                    "constriction": constriction_bytes(content.values),
                }
            )
    return found


def constriction_bytes(values: Values) -> dict[str, int] | None:
    """What constriction's range coder and ANS coder take for these values with their own frequencies; None without it."""
    try:
        constriction: Any = importlib.import_module("constriction")
    except ImportError:
        return None
    _, symbols, counts = np.unique(values.reshape(-1), return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return {"range": 0, "ans": 0}
    model = constriction.stream.model.Categorical(counts / values.size, perfect=False)
    message = symbols.reshape(-1).astype(np.int32)
    ranges, stack = constriction.stream.queue.RangeEncoder(), constriction.stream.stack.AnsCoder()
    ranges.encode(message, model)
    stack.encode_reverse(message, model)
    return {"range": int(ranges.get_compressed().nbytes), "ans": int(stack.get_compressed().nbytes)}
