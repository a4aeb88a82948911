"""Single-operator models that move elements: slices, splits, transposes, resizes, gathers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.compile.builder import TYPES, ModelBuilder
from tests.compile.cases import random_scale, random_zero


def some_shape(rng: np.random.Generator, ranks: Sequence[int], top: int = 8) -> tuple[int, ...]:
    """A random shape of one of the given ranks."""
    return tuple(int(n) for n in rng.integers(1, top, int(rng.choice(ranks))))


def _movable(rng: np.random.Generator) -> dict[str, object]:
    """A type and quantization for a tensor whose elements are only moved."""
    if rng.random() < 0.8:
        return {"dtype": "int8", "scale": random_scale(rng), "zero_point": random_zero(rng)}
    return {"dtype": "int32"} if rng.random() < 0.5 else {"dtype": "int16", "scale": random_scale(rng)}


def slice_(rng: np.random.Generator) -> bytes:
    """SLICE of one to five dimensions, -1 as a size at times."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = some_shape(rng, range(1, 6))
    begin = np.array([int(rng.integers(0, n)) for n in shape])
    size = np.array([int(rng.integers(1, n - i + 1)) for n, i in zip(shape, begin, strict=True)])
    x, y = b.tensor(shape, **kind), b.tensor(size.tolist(), **kind)
    listed = np.where((begin + size == shape) & (rng.random(len(shape)) < 0.5), -1, size)
    index = str(rng.choice(["int32", "int64"]))
    b.operator("SLICE", [x, b.constant(begin, index), b.constant(listed, index)], [y], "SliceOptions", version=3)
    return b.finish([x], [y])


def strided_slice(rng: np.random.Generator) -> bytes:
    """STRIDED_SLICE with masks, negative positions and strides, positions beyond the end."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = some_shape(rng, range(1, 6))
    positions: list[tuple[int, int, int]] = []
    masks, out = [0, 0, 0], []
    for axis, extent in enumerate(shape):
        while True:
            begin, end = (int(n) for n in rng.integers(-extent - 2, extent + 3, 2))
            stride = int(rng.choice([1, 1, 2, 3, -1, -2]))
            bits = rng.random(3) < (0.25, 0.25, 0.15)
            if bits[2] and (stride < 0 or not -extent <= begin < extent):
                continue
            taken = range(extent)[None if bits[0] else begin : None if bits[1] else end : stride]
            if bits[2] or len(taken):
                break
        positions.append((begin, end, stride))
        masks = [mask | int(bit) << axis for mask, bit in zip(masks, bits, strict=True)]
        if bits[2]:
            masks[0] &= ~(1 << axis)
        else:
            out.append(len(taken))
    x, y = b.tensor(shape, **kind), b.tensor(out, **kind)
    constants = [b.constant(np.array(column)) for column in zip(*positions, strict=True)]
    b.operator(
        "STRIDED_SLICE",
        [x, *constants],
        [y],
        "StridedSliceOptions",
        version=4,
        beginMask=masks[0],
        endMask=masks[1],
        shrinkAxisMask=masks[2],
    )
    return b.finish([x], [y])


def strided_slice_sparse(rng: np.random.Generator) -> bytes:
    """STRIDED_SLICE with an ellipsis, or with a new axis and trailing axes left out."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = some_shape(rng, range(1, 4))
    spec: list[slice | int | None] = []
    for extent in shape:
        begin = int(rng.integers(0, extent))
        spec.append(slice(begin, extent, int(rng.choice([1, 2]))) if rng.random() < 0.8 else begin)
    at = int(rng.integers(0, len(shape)))
    ellipsis = rng.random() < 0.5
    if ellipsis:
        spec[at : at + int(rng.integers(1, 3))] = [slice(None)]  # where the ellipsis stands
    elif len(shape) > 1:
        del spec[at + 1 :]
    new = int(rng.integers(0, len(spec) + 1))
    if not ellipsis:
        spec.insert(new, None)
    index = tuple(... if ellipsis and i == at else each for i, each in enumerate(spec))
    out = np.empty(shape, np.int8)[index].shape
    masks = {"ellipsisMask": int(ellipsis) << at, "newAxisMask": int(not ellipsis) << new, "shrinkAxisMask": 0}
    numbers = []
    for i, each in enumerate(spec):
        if each is None or (ellipsis and i == at):
            numbers.append((0, 0, 1))
        elif isinstance(each, int):
            masks["shrinkAxisMask"] |= 1 << i
            numbers.append((each, each + 1, 1))
        else:
            numbers.append((each.start, each.stop, each.step))
    x, y = b.tensor(shape, **kind), b.tensor(out, **kind)
    constants = [b.constant(np.array(column)) for column in zip(*numbers, strict=True)]
    b.operator("STRIDED_SLICE", [x, *constants], [y], "StridedSliceOptions", version=4, **masks)
    return b.finish([x], [y])


def transpose(rng: np.random.Generator) -> bytes:
    """TRANSPOSE of one to six dimensions."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = some_shape(rng, range(1, 7), 6)
    order = rng.permutation(len(shape))
    x, y = b.tensor(shape, **kind), b.tensor([shape[axis] for axis in order], **kind)
    b.operator("TRANSPOSE", [x, b.constant(order)], [y], "TransposeOptions", version=5)
    return b.finish([x], [y])


def split(rng: np.random.Generator) -> bytes:
    """SPLIT into one to four equal parts."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = list(some_shape(rng, range(1, 5)))
    axis, count = int(rng.integers(0, len(shape))), int(rng.integers(1, 5))
    part = list(shape)
    shape[axis] *= count
    x = b.tensor(shape, **kind)
    outputs = [b.tensor(part, **kind) for _ in range(count)]
    listed = axis - len(shape) if rng.random() < 0.3 else axis
    b.operator("SPLIT", [b.constant(np.array(listed)), x], outputs, "SplitOptions", version=4, numSplits=count)
    return b.finish([x], outputs)


def split_v(rng: np.random.Generator) -> bytes:
    """SPLIT_V into parts of given sizes, one of them -1 at times."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = list(some_shape(rng, range(1, 5)))
    axis, count = int(rng.integers(0, len(shape))), int(rng.integers(1, 5))
    sizes = [int(size) for size in rng.integers(1, 5, count)]
    shape[axis] = sum(sizes)
    x = b.tensor(shape, **kind)
    outputs = [b.tensor([*shape[:axis], size, *shape[axis + 1 :]], **kind) for size in sizes]
    listed = np.array(sizes)
    if rng.random() < 0.3:
        listed[int(rng.integers(0, count))] = -1
    inputs = [x, b.constant(listed), b.constant(np.array(axis))]
    b.operator("SPLIT_V", inputs, outputs, "SplitVOptions", version=2, numSplits=count)
    return b.finish([x], outputs)


def unpack(rng: np.random.Generator) -> bytes:
    """UNPACK along any axis."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = some_shape(rng, range(1, 5), 5)
    axis = int(rng.integers(0, len(shape)))
    x = b.tensor(shape, **kind)
    outputs = [b.tensor([*shape[:axis], *shape[axis + 1 :]], **kind) for _ in range(shape[axis])]
    listed = axis - len(shape) if rng.random() < 0.3 else axis
    b.operator("UNPACK", [x], outputs, "UnpackOptions", version=3, num=shape[axis], axis=listed)
    return b.finish([x], outputs)


def pack(rng: np.random.Generator) -> bytes:
    """PACK of one to four tensors along any axis."""
    b, kind = ModelBuilder(), _movable(rng)
    shape, count = some_shape(rng, range(1, 4)), int(rng.integers(1, 5))
    axis = int(rng.integers(0, len(shape) + 1))
    inputs = [b.tensor(shape, **kind) for _ in range(count)]
    y = b.tensor([*shape[:axis], count, *shape[axis:]], **kind)
    listed = axis - len(shape) - 1 if rng.random() < 0.3 else axis
    b.operator("PACK", inputs, [y], "PackOptions", version=3, valuesCount=count, axis=listed)
    return b.finish(inputs, [y])


def _resize(rng: np.random.Generator, name: str, options: str, kind: dict[str, object]) -> bytes:
    b = ModelBuilder()
    batches, height, width, channels = some_shape(rng, [4], 12)
    if rng.random() < 0.4:
        size = (height * int(rng.integers(1, 4)), width * int(rng.integers(1, 4)))
    else:
        size = (int(rng.integers(1, 25)), int(rng.integers(1, 25)))
    how = int(rng.integers(0, 3))
    x, y = b.tensor((batches, height, width, channels), **kind), b.tensor((batches, *size, channels), **kind)
    flags = {"alignCorners": how == 1, "halfPixelCenters": how == 2}
    b.operator(name, [x, b.constant(np.array(size))], [y], options, version=3, **flags)
    return b.finish([x], [y])


def resize_nearest(rng: np.random.Generator) -> bytes:
    """RESIZE_NEAREST_NEIGHBOR by whole factors and to any size."""
    kind = _movable(rng)
    if kind["dtype"] == "int32":
        kind = {"dtype": "int8", "scale": 0.1}
    return _resize(rng, "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions", kind)


def resize_bilinear(rng: np.random.Generator) -> bytes:
    """RESIZE_BILINEAR by whole factors and to any size."""
    kind: dict[str, object] = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    return _resize(rng, "RESIZE_BILINEAR", "ResizeBilinearOptions", kind)


def gather(rng: np.random.Generator) -> bytes:
    """GATHER by constant indices of any rank, along any axis."""
    b, kind = ModelBuilder(), _movable(rng)
    shape = some_shape(rng, range(1, 5))
    axis = int(rng.integers(0, len(shape)))
    indices = rng.integers(0, shape[axis], some_shape(rng, range(0, 3), 5))
    x, y = b.tensor(shape, **kind), b.tensor([*shape[:axis], *indices.shape, *shape[axis + 1 :]], **kind)
    b.operator("GATHER", [x, b.constant(indices)], [y], "GatherOptions", version=4, axis=axis)
    return b.finish([x], [y])


def gather_computed(rng: np.random.Generator) -> bytes:
    """GATHER from a constant table by indices that ARG_MAX computes."""
    b = ModelBuilder()
    kind: dict[str, object] = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    count, classes = int(rng.integers(1, 6)), int(rng.integers(1, 9))
    x = b.tensor((count, classes), scale=0.1)
    indices = b.tensor((count,), "int32")
    b.operator("ARG_MAX", [x, b.constant(np.array([1]))], [indices], "ArgMaxOptions", version=2, outputType=TYPES["int32"])
    shape = list(some_shape(rng, range(1, 4)))
    axis = int(rng.integers(0, len(shape)))
    shape[axis] = classes
    table = b.constant(rng.integers(-128, 128, shape), "int8", **kind)
    y = b.tensor([*shape[:axis], count, *shape[axis + 1 :]], **kind)
    b.operator("GATHER", [table, indices], [y], "GatherOptions", version=4, axis=axis)
    return b.finish([x], [y])


def mirror_pad(rng: np.random.Generator) -> bytes:
    """MIRROR_PAD, both modes, one to four dimensions."""
    b = ModelBuilder()
    kind: dict[str, object] = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    shape, mode = some_shape(rng, range(1, 5)), int(rng.integers(0, 2))
    paddings = np.array([[int(n) for n in rng.integers(0, min(extent - (1 - mode), 4) + 1, 2)] for extent in shape])
    paddings *= (rng.random(len(shape)) < 0.7)[:, None]
    x = b.tensor(shape, **kind)
    y = b.tensor([int(n) for n in np.array(shape) + paddings.sum(axis=1)], **kind)
    b.operator("MIRROR_PAD", [x, b.constant(paddings)], [y], "MirrorPadOptions", version=2, mode=mode)
    return b.finish([x], [y])


def _blocks(rng: np.random.Generator, name: str, options: str) -> bytes:
    b, kind = ModelBuilder(), _movable(rng)
    if kind["dtype"] == "int16":
        kind = {"dtype": "int8", "scale": 0.1}
    batches, height, width, channels = some_shape(rng, [4], 6)
    block = int(rng.integers(1, 4))
    space = (batches, height * block, width * block, channels)
    depth = (batches, height, width, channels * block * block)
    shapes = (space, depth) if name == "SPACE_TO_DEPTH" else (depth, space)
    x, y = (b.tensor(shape, **kind) for shape in shapes)
    b.operator(name, [x], [y], options, blockSize=block)
    return b.finish([x], [y])


def _batches(rng: np.random.Generator, name: str, options: str) -> bytes:
    b = ModelBuilder()
    kind: dict[str, object] = {"scale": random_scale(rng), "zero_point": random_zero(rng)}
    rank = int(rng.choice([3, 4, 4]))
    batches, channels = int(rng.integers(1, 3)), int(rng.integers(1, 8))
    blocks = rng.integers(1, 4, rank - 2)
    small = rng.integers(1, 5, rank - 2)
    margins = np.array([[int(n) for n in rng.multinomial(rng.integers(0, e), [0.5, 0.5])] for e in small * blocks])
    space = (batches, *(int(n) for n in small * blocks - margins.sum(axis=1)), channels)
    batch = (batches * int(np.prod(blocks)), *(int(n) for n in small), channels)
    shapes = (space, batch) if name == "SPACE_TO_BATCH_ND" else (batch, space)
    x, y = (b.tensor(shape, **kind) for shape in shapes)
    b.operator(name, [x, b.constant(blocks), b.constant(margins)], [y], options, version=2)
    return b.finish([x], [y])


CASES = {
    "slice": slice_,
    "strided_slice": strided_slice,
    "strided_slice_sparse": strided_slice_sparse,
    "transpose": transpose,
    "split": split,
    "split_v": split_v,
    "unpack": unpack,
    "pack": pack,
    "resize_nearest": resize_nearest,
    "resize_bilinear": resize_bilinear,
    "gather": gather,
    "gather_computed": gather_computed,
    "mirror_pad": mirror_pad,
    "space_to_depth": lambda rng: _blocks(rng, "SPACE_TO_DEPTH", "SpaceToDepthOptions"),
    "depth_to_space": lambda rng: _blocks(rng, "DEPTH_TO_SPACE", "DepthToSpaceOptions"),
    "batch_to_space": lambda rng: _batches(rng, "BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions"),
    "space_to_batch": lambda rng: _batches(rng, "SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions"),
}
