"""Damaged codes under AddressSanitizer: `python benchmarks/coding/damaged.py [--count 1000000]`

Codes of every kind with bytes replaced, ends cut, or random throughout are decoded on this machine, every buffer at its exact
size. Ends with 1 at the first that a sanitizer stops, or where a hundred of them take longer than a second. Writes damaged.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.command import run_command
from tests.coding.decoders import build, damaged

HERE = Path(__file__).resolve().parent
PORTION = 10_000


def main() -> int:
    """Decode them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="edgepack-damaged-") as work:
        program = build(Path(work))
        for first in range(0, options.count, PORTION):
            count = min(PORTION, options.count - first)
            given = damaged(options.seed + first, count)
            done = subprocess.run([program], input=given, capture_output=True, timeout=count / 100 + 10)
            if done.returncode != 0 or len(done.stdout) != 4 * count:
                print(f"seed {options.seed + first}: {done.stderr.decode()[:2000]}", file=sys.stderr)
                return 1
            print(f"\r{first + count:,} of {options.count:,}", end="", file=sys.stderr)
    print(file=sys.stderr)
    text = (
        "# Damaged codes, decoded\n\nWritten by `python benchmarks/coding/damaged.py`: bytes replaced, ends cut, or random "
        "throughout, under AddressSanitizer and UBSan, every buffer at its exact size.\n\n"
        f"{options.count:,} codes from seed {options.seed}: none left its buffers, each ended.\n"
    )
    (HERE / "damaged.md").write_text(text)
    return 0


if __name__ == "__main__":
    run_command(main)
