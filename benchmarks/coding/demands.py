"""What of a bar was missed."""

from __future__ import annotations

from benchmarks.bars import Row
from benchmarks.coding.bound import LARGE

DECODERS = 2048  # bytes of code that decode, all together
SCRATCH, STATE = 2048, 1280  # bytes of memory, for weights (or four filters), and for decoders with their tables
BOUND = 1.05  # of a large tensor's entropy, headers included


def missed(row: Row) -> list[str]:
    """The demands of a bar, and those on every bar, that its row does not meet."""
    if "cores" in row:
        return [f"{one['model']} on {one['core']}" for one in row["cores"] if one["larger"] or one["slower"]]
    bar, original = row["bar"], row["original"]
    coded, off = row["runs"][row["coding"]], row["runs"]["off"]
    met = {
        "bits": not row["differing"] and not any(run["differing"] for run in row["runs"].values()),
        "accuracy": "accuracy" not in bar or row["metric"] >= bar["accuracy"],
        "drop": "drop" not in bar or row["float"] - row["metric"] <= bar["drop"] + 1e-9,
        "times": times(row) >= bar.get("times", 0),
        "dense": coded["instructions"] <= bar.get("dense", 1e9) * off["instructions"],
        "original": "original" not in bar or coded["instructions"] <= bar["original"] * original["instructions"],
        "smaller": off["constants"] >= bar.get("smaller", 0) * coded["constants"],
        "faster": off["instructions"] >= bar.get("faster", 0) * coded["instructions"],
        "bound": nearest(row) is None or (nearest(row) or 0) <= BOUND,
        "decoders": coded["decoder_bytes"] <= DECODERS,
        "memory": row["grown"] <= memory(row),
    }
    return [name for name, reached in met.items() if not reached]


def memory(row: Row) -> int:
    """Bytes by which decoding may make the arena grow."""
    return int(max(SCRATCH, row["four_filters"])) + STATE


def times(row: Row) -> float:
    """How many times smaller all constants are than the float model's weights."""
    return float(row["float_bytes"] / row["runs"][row["coding"]]["constants"])


def nearest(row: Row) -> float | None:
    """Of the large coded tensors the one farthest from its entropy, each in its code of the fewest bytes; None without any."""
    return max(
        (one["fewest"] / one["entropy"] for one in row["tensors"] if one["values"] > LARGE and one["entropy"]), default=None
    )
