"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: blocks of pixels to channels and back; BATCH_TO_SPACE_ND and SPACE_TO_BATCH_ND: to batches.

Reference: reference/space_to_depth.h, depth_to_space.h, batch_to_space_nd.h, space_to_batch_nd.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import BYTES, Data, Value
from edgepack.compile.operators.kernel import Kernel, Operator
from edgepack.compile.operators.movement.copying import (
    Axis,
    Move,
    Table,
    element_steps,
    lower_move,
    require_movable,
    require_small_table,
    tables_fit,
)
from edgepack.compile.operators.site import CONVERT_AGAIN, Site

FOUR_DIMENSIONS = "Reshape the input to [1, height, width, channels]."


def _block(site: Site) -> tuple[Value, Value, int]:
    source, output, block = site.input(0), site.output(), int(site.option("block_size", 0))
    require_movable(site, source, output)
    site.require(len(source.shape) == 4, "is not over 4 dimensions", FOUR_DIMENSIONS)
    site.require(block > 0, "has a block size of 0", CONVERT_AGAIN)
    return source, output, block


def describe_space_to_depth(site: Site) -> Move:
    """Check a SPACE_TO_DEPTH: channels of the output are (row in block, column in block, channel)."""
    source, output, block = _block(site)
    batches, height, width, channels = source.shape
    site.require(height % block == width % block == 0, f"has {height}x{width} pixels in blocks of {block}", CONVERT_AGAIN)
    site.require_shape(output, (batches, height // block, width // block, channels * block * block))
    batch, row, column, _ = element_steps(source.shape)
    axes = (
        Axis(batches, batch),
        Axis(height // block, row * block),
        Axis(width // block, column * block),
        Axis(block, row),
        Axis(block, column),
        Axis(channels, 1),
    )
    return Move(source, output, axes)


def describe_depth_to_space(site: Site) -> Move:
    """Check a DEPTH_TO_SPACE, the inverse."""
    source, output, block = _block(site)
    batches, height, width, channels = source.shape
    site.require(channels % (block * block) == 0, f"has {channels} channels in blocks of {block}x{block}", CONVERT_AGAIN)
    depth = channels // (block * block)
    site.require_shape(output, (batches, height * block, width * block, depth))
    batch, row, column, _ = element_steps(source.shape)
    axes = (
        Axis(batches, batch),
        Axis(height, row),
        Axis(block, block * depth),
        Axis(width, column),
        Axis(block, depth),
        Axis(depth, 1),
    )
    return Move(source, output, axes)


def _blocks_and_margins(site: Site, source: Value) -> tuple[list[int], list[list[int]]]:
    """Block extents and (before, after) margins over the spatial axes, which follow the batch."""
    blocks, margins = site.integers(1), site.integers(2)
    rank = len(source.shape)
    site.require(rank in (3, 4), "is not over 3 or 4 dimensions", FOUR_DIMENSIONS)
    good = blocks.shape == (rank - 2,) and margins.shape == (rank - 2, 2)
    site.require(good and int(blocks.min()) > 0 and int(margins.min()) >= 0, "has blocks or margins out of range", CONVERT_AGAIN)
    return blocks.tolist(), margins.tolist()


def describe_batch_to_space(site: Site) -> Move:
    """Check a BATCH_TO_SPACE_ND: batches are (position in block, batch); the margins are cropped."""
    source, output = site.input(0), site.output()
    require_movable(site, source, output)
    blocks, crops = _blocks_and_margins(site, source)
    count = math.prod(blocks)
    site.require(source.shape[0] % count == 0, f"has {source.shape[0]} batches in blocks of {count}", CONVERT_AGAIN)
    batches = source.shape[0] // count
    shape: list[int] = []
    steps = element_steps(source.shape)
    axes: list[Axis | Table] = [Axis(batches, steps[0])]
    below = batches * steps[0]
    tables: list[Data] = []
    for axis in reversed(range(len(blocks))):
        extent = source.shape[axis + 1] * blocks[axis] - sum(crops[axis])
        site.require(extent > 0, "crops everything", CONVERT_AGAIN)
        require_small_table(site, extent)
        position = np.arange(extent) + crops[axis][0]
        tables.insert(0, position // blocks[axis] * steps[axis + 1] + position % blocks[axis] * below)
        shape.insert(0, extent)
        below *= blocks[axis]
    axes += [Table(table) for table in tables]
    site.require_shape(output, (batches, *shape, source.shape[-1]))
    return Move(source, output, (*axes, Axis(source.shape[-1], 1)))


@dataclass(frozen=True, eq=False)
class SpaceToBatch:
    """A checked SPACE_TO_BATCH_ND over height and width."""

    source: Value
    output: Value
    in_shape: tuple[int, int, int, int]
    block: tuple[int, int]
    pad: tuple[int, int]
    out_hw: tuple[int, int]


def describe_space_to_batch(site: Site) -> SpaceToBatch:
    """Check a SPACE_TO_BATCH_ND, which pads with the output's zero point."""
    source, output = site.input(0), site.output()
    site.require(source.dtype == output.dtype == "int8", f"with types {source.dtype}, {output.dtype}", "Use int8.")
    site.require_quantized(output)
    blocks, pads = _blocks_and_margins(site, source)
    shape = source.shape if len(source.shape) == 4 else (*source.shape[:2], 1, source.shape[2])
    if len(blocks) == 1:
        blocks, pads = [*blocks, 1], [*pads, [0, 0]]
    padded = [extent + sum(pad) for extent, pad in zip(shape[1:3], pads, strict=True)]
    good = all(extent % block == 0 for extent, block in zip(padded, blocks, strict=True))
    site.require(good, f"has {padded} positions in blocks of {blocks}", CONVERT_AGAIN)
    out_h, out_w = (extent // block for extent, block in zip(padded, blocks, strict=True))
    spatial = (out_h, out_w)[: len(source.shape) - 2]
    site.require_shape(output, (shape[0] * math.prod(blocks), *spatial, shape[3]))
    in_shape = (shape[0], shape[1], shape[2], shape[3])
    return SpaceToBatch(source, output, in_shape, (blocks[0], blocks[1]), (pads[0][0], pads[1][0]), (out_h, out_w))


def _lower_space_to_batch(move: SpaceToBatch) -> Call:
    batches, in_h, in_w, channels = move.in_shape
    return Call(
        kernel="ep_space_to_batch",
        header="ep_space_to_batch.h",
        fields={
            "batches": batches,
            "in_h": in_h,
            "in_w": in_w,
            "bytes": channels * BYTES[move.source.dtype],
            "out_h": move.out_hw[0],
            "out_w": move.out_hw[1],
            "block_h": move.block[0],
            "block_w": move.block[1],
            "pad_top": move.pad[0],
            "pad_left": move.pad[1],
            "zero": move.output.zero_point,
        },
        inputs=(move.source.id,),
        outputs=(move.output.id,),
    )


def _cost(move: Move | SpaceToBatch) -> float:
    return 4.0 * move.output.elements


SPACE_TO_DEPTH = Operator("SPACE_TO_DEPTH", describe_space_to_depth, (Kernel("ep_copy_strided", lower_move, cost=_cost),))
DEPTH_TO_SPACE = Operator("DEPTH_TO_SPACE", describe_depth_to_space, (Kernel("ep_copy_strided", lower_move, cost=_cost),))
BATCH_TO_SPACE_ND = Operator(
    "BATCH_TO_SPACE_ND", describe_batch_to_space, (Kernel("ep_copy_indexed", lower_move, applies=tables_fit, cost=_cost),)
)
SPACE_TO_BATCH_ND = Operator(
    "SPACE_TO_BATCH_ND", describe_space_to_batch, (Kernel("ep_space_to_batch", _lower_space_to_batch, cost=_cost),)
)
