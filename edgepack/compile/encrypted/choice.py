"""How each call has its constants decrypted: all at once, or a block of output channels at a time where memory asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from edgepack.compile.call import Call
from edgepack.compile.coded.memory import DECODER, MORE_MEMORY, in_blocks
from edgepack.compile.encrypted.calls import encrypted_blocks, encrypted_call
from edgepack.compile.encrypted.cipher import Image
from edgepack.compile.graph import Graph
from edgepack.compile.lowered import Lowered
from edgepack.compile.plan import live_of, make_plan
from edgepack.cores import Cpu

Way = Callable[[Image], Call]


def encrypted(graph: Graph, lowered: Sequence[Lowered], cpu: Cpu) -> tuple[tuple[Lowered, ...], Image]:
    """The calls with all constants that kernels and decoders read encrypted, and what is encrypted.

    Each call takes the first of its ways, fewest steps first, with which the arena grows by no more than MORE_MEMORY and a
    decoder; where there is none, the one that takes the least memory.
    """
    calls = [one.call for one in lowered]
    most = make_plan(graph, calls).arena_size + MORE_MEMORY + DECODER
    image = Image()
    found = []
    for index, one in enumerate(lowered):
        best: tuple[int, Way] | None = None
        for way in ways(graph, one, cpu):
            need = live_of(graph, [*calls[:index], way(Image()), *calls[index + 1 :]])[index]
            best = (need, way) if best is None or need < best[0] else best
            if best[0] <= most:
                break
        assert best is not None
        found.append(replace(one, call=best[1](image)))
    return tuple(found), image


def ways(graph: Graph, one: Lowered, cpu: Cpu) -> Iterator[Way]:
    """A call with everything decrypted before it; then in more and more blocks of its output channels, which take less memory."""
    yield lambda image: encrypted_call(graph, one.call, image)
    for size, blocks, _ in in_blocks(one, cpu):

        def blocked(image: Image, size: int = size, blocks: Sequence[Call] = blocks) -> Call:
            return encrypted_blocks(one.call, blocks, size, image)

        yield blocked
