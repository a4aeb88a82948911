"""Every kernel is chosen for some case on some core: one that is exact but never chosen would be slower, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import edgepack.compile.kernels
from edgepack.compile import compile_model
from edgepack.compile.coded.direct import DIRECT
from edgepack.flatbuffer import read_model
from tests.compile.test_operators import ALL

CPUS = ("generic", "cortex-m0plus", "cortex-m4", "cortex-m55")
KERNEL = re.compile(r"^EP_KERNEL void (\w+)\(", re.MULTILINE)


def kernels() -> dict[str, str]:
    """The names of all kernels, by their C definitions, and the folder of each one's family; what they share is none."""
    headers = Path(edgepack.compile.kernels.__file__).parent.rglob("ep_*.h")
    families = [header for header in headers if header.parent.name != "shared"]
    return {name: header.parent.name for header in families for name in KERNEL.findall(header.read_text())}


def chosen(missing: dict[str, str]) -> Iterator[set[str]]:
    """What each model's C calls, case by case and core by core; of later seeds only cases whose first had a kernel of a family
    that `missing` still names."""
    families, every = dict[str, set[str]](), kernels()
    for seed in range(12):
        for case, (make, _) in ALL.items():
            if seed and families[case].isdisjoint(missing.values()):
                continue
            model = read_model(make(np.random.default_rng(seed)))
            for cpu in CPUS:
                names = set(compile_model(model, "net", cpu).kernels)
                families.setdefault(case, set()).update(every[name] for name in names)
                yield names


def test_every_kernel_is_chosen_somewhere() -> None:
    """But for those that compute on codes, which have tests of their own."""
    missing = {name: family for name, family in kernels().items() if name not in DIRECT}
    assert len(missing) > 60
    for names in chosen(missing):
        for name in names & missing.keys():
            del missing[name]
        if not missing:
            break
    assert not missing
