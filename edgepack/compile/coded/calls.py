"""Calls that decode their constants into their scratch before a kernel runs: all at once, or a block of channels at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from edgepack.coding import Code, Values, padded
from edgepack.coding.copied import Copied
from edgepack.coding.frame import TITLE, encode_tables
from edgepack.compile.call import CODE, SCRATCH, Array, Call, Decoded, Field, Place, Step
from edgepack.compile.coded.choice import UNPACK_SPARSE, Coded, sparse_unpacker
from edgepack.compile.coded.contents import (
    HALVES,
    SPARSE,
    STREAM,
    TABLE,
    Content,
    Key,
    arrays_inside,
    as_bytes,
    content_of,
    key_of,
    parts_of,
)
from edgepack.compile.coded.streams import encode_between, wide_groups
from edgepack.compile.operators.shared.sparse_stream import Lines

HEAD, ALIGNMENT = 72, 8  # EP_DECODER_HEAD; of what lies in scratch
COPIED = Copied()


@dataclass(frozen=True)
class Decoding:
    """How arrays come back that are decoded one after the other: what begins it, and what then brings each of them."""

    begin: tuple[Call, ...]
    each: tuple[Call, ...]


def coded_call(call: Call, codes: Mapping[Key, Coded], before: int = 0) -> Call:
    """The call with some arrays decoded before it runs, into its scratch; `before`: bytes left free before a decoder."""
    inner = aligned(max(call.scratch or 0, before + HEAD + max(each.table for each in codes.values())))
    steps: list[Step] = []
    places: dict[Key, Decoded] = {}
    for each in codes.values():
        here, decoding = Place(SCRATCH, inner), _decoding([each.content], each.code, each.framed)
        decoder = Place(SCRATCH, before)
        steps += [Step(begin, decoder, decoder, before) for begin in decoding.begin]
        steps.append(Step(decoding.each[0], here, here, before))
        places.update(_places(each.content.array, inner))
        inner += aligned(each.content.room)
    if call.rounds:
        parts = {id(part): replace(part, fields=replaced(part.fields, places)) for part in call.parts()}
        rounds = tuple(tuple(replace(step, call=parts[id(step.call)]) for step in steps_) for steps_ in call.rounds)
    else:
        run = replace(call, fields=replaced(call.fields, places))
        rounds = ((Step(run, Place(call.inputs[0], 0), Place(call.outputs[0], 0), 0),),)
    return replace(
        call,
        kernel="",
        header="",
        fields={},
        scratch=inner,
        rounds=((*steps, *rounds[0]), *rounds[1:]),
    )


def blocked_call(whole: Call, blocks: Sequence[Call], size: int, codes: Mapping[Key, Coded], before: int = 0) -> Call | None:
    """The call in blocks of `size` output channels, whose arrays are decoded, or copied, before each is computed.

    None where a code cannot hold them: with the zeros that fill up each block it may have more kinds than the code knows.
    """
    join = any(array.parts for array in arrays_inside(whole.fields))
    arrays = [list(arrays_inside(block.fields, join)) for block in blocks]
    inner = aligned(max(block.scratch or 0 for block in blocks))
    begin: list[Step] = []
    unpack: list[list[Step]] = [[] for _ in blocks]
    places: list[dict[Key, Decoded]] = [{} for _ in blocks]
    for which, array in enumerate(arrays_inside(whole.fields)):
        coded = codes.get(key_of(array))
        contents = [_content(each[which], coded) for each in arrays]
        if coded and coded.code and coded.code.encode(_together(contents)) is None:
            return None
        decoding = _decoding(contents, coded.code if coded else COPIED, coded is not None and coded.framed)
        decoder = inner + before
        room = aligned(decoder + HEAD + (coded.table if coded else 0))
        inner = room + aligned(max(content.room for content in contents))
        begin += [Step(call, Place(SCRATCH, decoder), Place(SCRATCH, decoder), decoder) for call in decoding.begin]
        for content, call, steps, place in zip(contents, decoding.each, unpack, places, strict=True):
            steps.append(Step(call, Place(SCRATCH, room), Place(SCRATCH, room), decoder))
            place.update(_places(content.array, room))
    runs: list[Call] = []
    for block, place in zip(blocks, places, strict=True):
        run = replace(block, fields=replaced(block.fields, place))
        runs.append(next((same for same in runs if same.fields == run.fields), run))
    rounds = [
        (*steps, Step(run, Place(run.inputs[0], 0), Place(run.outputs[0], index * size), 0))
        for index, (steps, run) in enumerate(zip(unpack, runs, strict=True))
    ]
    return replace(whole, kernel="", header="", fields={}, scratch=inner, overlaps=(), rounds=(tuple(begin), *rounds))


def _decoding(contents: Sequence[Content], code: Code | None, framed: bool) -> Decoding:
    """How arrays of one code come back, one after the other; `code` is None for biases and multipliers alone."""
    if code is None:
        return _table_decoding(contents)
    stored = code.encode(_together(contents))
    assert stored is not None
    between = [content.constants for content in contents if content.constants is not None]
    numbers = encode_between(contents[0].form, np.concatenate(between)) if framed else b""
    title = f"{contents[0].array.comment}, {code.title}" + (f"; {TITLE}" if framed else "")
    fields: dict[str, Field] = {
        "code": Array(np.frombuffer(stored + numbers, np.uint8), title),
        "bytes": len(stored),
        "constants": Array(np.concatenate(between), "biases and multipliers") if between and not framed else None,
    }
    calls: dict[tuple[int, ...], Call] = {}
    each = []
    for place, content in enumerate(contents):
        first = len(numbers) if place == 0 else 0
        call = _unpack(content, code, framed, first)
        key = tuple(value for value in call.fields.values() if isinstance(value, int))
        each.append(calls.setdefault(key, call))
    return Decoding((function(code.kernel, fields, CODE),), tuple(each))


def _together(contents: Sequence[Content]) -> Values:
    """What a code holds of arrays that are decoded one after the other."""
    found: Values = np.concatenate([padded(content.values) for content in contents])
    return found


def _unpack(content: Content, code: Code, framed: bool, first: int) -> Call:
    """The call that puts the next of an array's numbers where they are read; `first`: bytes of a stream's coded numbers."""
    if content.form == SPARSE:
        lines = asdict(Lines(*content.array.lines))
        sizes = {"count": content.count, "filters": content.groups, "words": content.array.data.size}
        return function(sparse_unpacker(code), {"bytes": first, **sizes, **lines}, UNPACK_SPARSE)
    if content.form != STREAM:
        return function("ep_unpack", {"halves": int(content.form == HALVES), "count": content.count})
    sizes = {"count": content.count, "groups": content.groups}
    if not framed or content.constants is None:
        return function("ep_unpack_stream", sizes)
    return function("ep_unpack_framed", {"bytes": first, **sizes, "wide": wide_groups(content.constants)})


def _table_decoding(contents: Sequence[Content]) -> Decoding:
    """How tables of biases and multipliers come back."""
    tables = [content.table for content in contents if content.table is not None]
    code = Array(np.frombuffer(encode_tables(tables), np.uint8), f"{contents[0].array.comment}, {TITLE}")
    calls: dict[tuple[int, ...], Call] = {}
    each = []
    for place, table in enumerate(tables):
        begin: dict[str, Field] = {"code": None if place else code, "bytes": 0 if place else code.data.size}
        sizes = {"channels": table.channels, "words": table.words, "blocks": table.blocks}
        key = (table.channels, table.words, table.blocks, int(place == 0))
        each.append(calls.setdefault(key, function("ep_channels", {**begin, **sizes})))
    return Decoding((), tuple(each))


def _content(array: Array, coded: Coded | None) -> Content:
    """What an array of a kernel that is computed in blocks holds: biases and multipliers are bytes where they are copied."""
    content = content_of(array)
    return content if content is not None and (coded is not None or content.form != TABLE) else as_bytes(array)


def function(kernel: str, fields: Mapping[str, Field], struct: str = "") -> Call:
    """The call of a function that decodes, decrypts or prepares that."""
    return Call(kernel, f"{kernel}.h", fields, (), (), scratch=0, struct=struct, function=True)


def _places(array: Array, offset: int) -> dict[Key, Decoded]:
    """Where the arrays that lie in one are, which has been decoded to so many bytes into the scratch."""
    return {key_of(part): Decoded(offset + at, str(part.data.dtype)) for at, part in parts_of(array)}


def replaced(fields: Mapping[str, Field], places: Mapping[Key, Decoded]) -> dict[str, Field]:
    """Struct members with pointers to what was decoded in place of arrays."""
    found: dict[str, Field] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            found[name] = replaced(value, places)
        else:
            found[name] = places.get(key_of(value), value) if isinstance(value, Array) else value
    return found


def aligned(size: int) -> int:
    """As what lies in scratch is."""
    return -(-size // ALIGNMENT) * ALIGNMENT
