"""Graph to graph, one file a pass, in the order they run. Every pass leaves the outputs bit for bit as they were."""

from __future__ import annotations

from collections.abc import Callable

from edgepack.compile.graph import Graph
from edgepack.compile.passes.drop_reshapes import drop_reshapes
from edgepack.compile.passes.drop_unused import drop_unused
from edgepack.compile.passes.fold_constant_channels import fold_constant_channels
from edgepack.compile.passes.fold_constants import fold_constants
from edgepack.compile.passes.fuse_pad import fuse_pad
from edgepack.compile.passes.make_signed import make_signed
from edgepack.compile.passes.note_limits import note_limits
from edgepack.compile.passes.rescale_joined import rescale_joined
from edgepack.compile.passes.resources import resources
from edgepack.compile.passes.share_constants import share_constants
from edgepack.compile.passes.tabulate_floats import tabulate_floats
from edgepack.cores import Cpu

Pass = Callable[[Graph], Graph]

BEFORE: tuple[Pass, ...] = (make_signed, rescale_joined, resources, fold_constants, tabulate_floats, drop_unused, fuse_pad)
AFTER: tuple[Pass, ...] = (share_constants, note_limits, drop_reshapes)


def run_passes(graph: Graph, cpu: Cpu) -> Graph:
    """Run every pass in order. Kernels with SIMD instructions take four channels at a time."""
    for each in BEFORE:
        graph = each(graph)
    graph = fold_constant_channels(graph, 4 if cpu.features & {"dsp", "mve"} else 1)
    for each in AFTER:
        graph = each(graph)
    return graph
