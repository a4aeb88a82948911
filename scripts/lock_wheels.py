"""Write edgepack/engines/wheels.sha256: the digest of each wheel that the tables of edgepack.engines.wheels can ask for.

    .venv/bin/python scripts/lock_wheels.py        (part of `make lock`)

pip says which file it would take for each row, Python, processor and C library, and its digest in the index. No wheel is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from edgepack.engines.pins import PINS
from edgepack.engines.wheels import LIBRARIES, RUNTIMES, Platform, numpy_for, pip_selection

NEWEST_GLIBC = 41
LIBRARY_PYTHON = (3, 11)  # the host's own; the file has no use for it


def wanted() -> Iterator[tuple[str, Platform]]:
    """Every requirement for every platform that may ask for it, at the oldest and the newest C library."""
    for row in RUNTIMES:
        first, last = row.pythons
        for machine in row.machines:
            for minor in range(first[1], last[1] + 1):
                for glibc in (row.glibc, NEWEST_GLIBC):
                    platform = Platform((3, minor), machine, glibc)
                    yield row.requirement, platform
                    if machine != "armv7l":  # numpy has no wheels for it
                        yield numpy_for(platform.python), platform
    for library in LIBRARIES:
        for machine in library.machines:
            for glibc in (library.glibc, NEWEST_GLIBC):
                yield library.requirement, Platform(LIBRARY_PYTHON, machine, glibc)


def look_up(asked: tuple[str, Platform]) -> tuple[str, str]:
    """The file's name and its SHA-256."""
    requirement, platform = asked
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--report", "-", "--disable-pip-version-check",
        "--no-input", "--ignore-installed", "--target", "unused", *pip_selection(requirement, platform), requirement,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    if done.returncode:
        sys.exit(f"error: {requirement} for {platform}: {done.stderr.strip().splitlines()[-1]}")
    found = json.loads(done.stdout)["install"][0]["download_info"]
    return found["url"].rpartition("/")[2], found["archive_info"]["hashes"]["sha256"]


def main() -> None:
    """Ask for every wheel and write the list."""
    with ThreadPoolExecutor(2) as pool:
        found = dict(pool.map(look_up, dict.fromkeys(wanted())))
    PINS.write_text("".join(f"{digest}  {file}\n" for file, digest in sorted(found.items())))
    print(f"{len(found)} wheels in {PINS}", file=sys.stderr)


if __name__ == "__main__":
    main()
