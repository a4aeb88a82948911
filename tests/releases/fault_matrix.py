"""Every fault of the link, the device and the deployers, in every transport: what was tried, survived and lost.

After each fault `current` must be the old or the new release, complete to the last byte, and the next deployment must succeed
without anybody's cleaning up.

    python -m tests.releases.fault_matrix              # the table
    python -m tests.releases.fault_matrix --cuts 420   # with more than a thousand cuts
    python -m tests.releases.fault_matrix --every 4    # a quarter of it, as the tests do: each transport tries other places
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.releases.fault_bench import Bench, Row
from tests.releases.fault_kinds import (
    clocks,
    corrupted_bytes,
    corrupted_files,
    cuts_at_bytes,
    cuts_at_commands,
    full_disk,
    hostile,
    killed_runner,
    lost_exit_codes,
    patches,
    read_only,
    rebooted,
    signatures,
    stalled,
    two_deployers,
    wrong_architecture,
)
from tests.releases.fault_worlds import AdbWorld, SshWorld, World

Inject = Callable[[Bench, World], object]

_OF_THE_DEVICE: tuple[Inject, ...] = (
    lost_exit_codes,
    full_disk,
    read_only,
    clocks,
    rebooted,
    killed_runner,
    wrong_architecture,
    two_deployers,
)
_OF_A_LINK: tuple[Inject, ...] = (
    lambda bench, world: cuts_at_commands(bench, world, ("after",)),
    cuts_at_bytes,
    lambda bench, world: corrupted_bytes(bench, world, 4),
    *_OF_THE_DEVICE,
    stalled,
    hostile,
    patches,
    signatures,
)
PLANS: dict[str, tuple[Inject, ...]] = {
    "shell": (
        lambda bench, world: cuts_at_commands(bench, world, ("before", "within", "after")),
        corrupted_files,
        *_OF_THE_DEVICE,
        hostile,
        patches,
        signatures,
    ),
    "ssh": _OF_A_LINK,
    "adb": _OF_A_LINK,
}
WORLDS = {"shell": World, "ssh": SshWorld, "adb": AdbWorld}
TURNS = {"shell": 0, "ssh": 3, "adb": 1}  # so that a sample of each is not a sample of the same places


def run(transport: str, folder: Path, seed: int = 7, every: int = 1, cuts: int = 60) -> list[Row]:
    """Every fault of a transport, one after the other, at every place or at each `every`-th; `cuts` of a link at random bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder, seed, every, TURNS[transport], cuts)
    world = WORLDS[transport](folder)
    try:
        bench.start(world)
        for inject in PLANS[transport]:
            inject(bench, world)
            world.whole()
    finally:
        world.stop()
    return bench.rows


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| fault | transport | tried | old release | new release | lost | errors told |",
        "|---|---|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        told = ", ".join(f"{code} {count}" for code, count in sorted(row.codes.items()))
        lines.append(f"| {row.fault} | {row.transport} | {row.tried} | {row.old} | {row.new} | {len(row.lost)} | {told} |")
    tried, lost = sum(row.tried for row in rows), sum(len(row.lost) for row in rows)
    cuts = sum(row.tried for row in rows if "cut" in row.fault)
    lines.append(
        f"| **all** ({cuts} cuts) | | **{tried}** | {sum(r.old for r in rows)} | {sum(r.new for r in rows)} | **{lost}** | |"
    )
    return "\n".join(lines)


def run_all(transports: Sequence[str], folder: Path, seed: int, adb: str, every: int = 1, cuts: int = 60) -> list[Row]:
    """The transports side by side, each with a device of its own; without its programs a transport is left out, and told.

    `adb` is the client: "google" (else Debian's), or "debian".
    """
    import pytest

    from tests.standins.adb_clients import private_adb
    from tests.standins.sshd import require_openssh

    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("EDGEPACK_CACHE", str(folder / "cache"))  # what patches are made from
        wanted = list(transports)
        for transport, need in (("ssh", require_openssh), ("adb", lambda: adb_server(stack, folder, patch, private_adb, adb))):
            if transport in wanted:
                try:
                    need()
                except pytest.skip.Exception as missing:
                    print(f"{transport} left out: {missing}", file=sys.stderr)
                    wanted.remove(transport)
        with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as pool:
            found = list(pool.map(lambda transport: run(transport, folder / transport, seed, every, cuts), wanted))
    return [row for rows in found for row in rows]


def adb_server(stack: ExitStack, folder: Path, patch: Any, private_adb: Any, wanted: str) -> None:
    """An adb server of our own until `stack` is closed: the client wanted, else Debian's."""
    import pytest

    try:
        stack.enter_context(private_adb(wanted, folder / "adb home", patch))
    except pytest.skip.Exception:
        stack.enter_context(private_adb("debian", folder / "adb home", patch))


def main() -> int:
    """Print the table; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description="Every fault of the link, the device and the deployers, in every transport.")
    parser.add_argument("--transport", action="append", choices=sorted(PLANS))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--every", type=int, default=1, help="try every n-th place of a fault only")
    parser.add_argument("--cuts", type=int, default=60, help="at how many random bytes each link is cut")
    parser.add_argument("--adb", choices=("google", "debian"), default="google", help="which client to try (36 or 29)")
    parser.add_argument("--json", type=Path, help="write the rows there, too")
    arguments = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgepack-faults-") as name:
        rows = run_all(
            arguments.transport or list(PLANS), Path(name), arguments.seed, arguments.adb, arguments.every, arguments.cuts
        )
    print(table(rows))
    print(f"\n{time.monotonic() - start:.0f} s, seed {arguments.seed}")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([{**vars(row), "codes": dict(row.codes)} for row in rows]))
    for row in rows:
        for text in row.lost:
            print(f"lost: {row.transport}, {row.fault}, {text}", file=sys.stderr)
    return int(any(row.lost for row in rows))


if __name__ == "__main__":
    sys.exit(main())
