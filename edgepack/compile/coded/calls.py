"""Calls that decode their constants into their scratch before a kernel runs: all at once, or a block of channels at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgepack.coding import Code, padded
from edgepack.coding.copied import Copied
from edgepack.compile.call import CODE, SCRATCH, Array, Call, Decoded, Field, Place, Step
from edgepack.compile.coded.choice import Coded
from edgepack.compile.coded.contents import Content, Key, arrays_inside, as_bytes, content_of, key_of

HEAD, ALIGNMENT = 64, 8  # EP_DECODER_HEAD; of what lies in scratch
COPIED = Copied()


def coded_call(call: Call, codes: Mapping[Key, Coded]) -> Call:
    """The call with some arrays decoded before it runs, into its scratch."""
    inner = _aligned(max(call.scratch or 0, HEAD + max(each.code.table for each in codes.values())))
    steps: list[Step] = []
    places: dict[Key, Decoded] = {}
    for key, each in codes.items():
        content = each.content
        places[key] = Decoded(inner, str(content.array.data.dtype))
        steps += _decoding(each, inner)
        inner += _aligned(content.room)
    if call.rounds:
        parts = {id(part): replace(part, fields=_replaced(part.fields, places)) for part in call.parts()}
        rounds = tuple(tuple(replace(step, call=parts[id(step.call)]) for step in steps_) for steps_ in call.rounds)
    else:
        run = replace(call, fields=_replaced(call.fields, places))
        rounds = ((Step(run, Place(call.inputs[0], 0), Place(call.outputs[0], 0), 0),),)
    return replace(
        call,
        kernel="",
        header="",
        fields={},
        scratch=inner,
        rounds=((*steps, *rounds[0]), *rounds[1:]),
    )


def blocked_call(whole: Call, blocks: Sequence[Call], size: int, codes: Mapping[Key, Coded]) -> Call:
    """The call in blocks of `size` output channels, whose arrays are decoded, or copied, before each is computed."""
    arrays = [list(arrays_inside(block.fields)) for block in blocks]
    inner = _aligned(max(block.scratch or 0 for block in blocks))
    begin: list[Step] = []
    unpack: list[list[Step]] = [[] for _ in blocks]
    places: list[dict[Key, Decoded]] = [{} for _ in blocks]
    for which, array in enumerate(arrays_inside(whole.fields)):
        code = codes[key_of(array)].code if key_of(array) in codes else COPIED
        contents = [_content(each[which]) for each in arrays]
        decoder, room = inner, _aligned(inner + HEAD + code.table)
        inner = room + _aligned(max(content.room for content in contents))
        begin.append(_begin(code, contents, Place(SCRATCH, decoder)))
        calls: dict[tuple[int, int], Call] = {}
        for content, steps, place in zip(contents, unpack, places, strict=True):
            call = calls.setdefault((content.count, content.groups), _unpack(content))
            steps.append(Step(call, Place(SCRATCH, room), Place(SCRATCH, room), decoder))
            place[key_of(content.array)] = Decoded(room, str(content.array.data.dtype))
    runs: list[Call] = []
    for block, place in zip(blocks, places, strict=True):
        run = replace(block, fields=_replaced(block.fields, place))
        runs.append(next((same for same in runs if same.fields == run.fields), run))
    rounds = [
        (*steps, Step(run, Place(run.inputs[0], 0), Place(run.outputs[0], index * size), 0))
        for index, (steps, run) in enumerate(zip(unpack, runs, strict=True))
    ]
    return replace(whole, kernel="", header="", fields={}, scratch=inner, overlaps=(), rounds=(tuple(begin), *rounds))


def _decoding(one: Coded, offset: int) -> list[Step]:
    """The steps that put an array's numbers so many bytes into the scratch; the decoder lies at its beginning."""
    here = Place(SCRATCH, offset)
    return [_begin(one.code, [one.content], Place(SCRATCH, 0)), Step(_unpack(one.content), here, here, 0)]


def _begin(code: Code, contents: Sequence[Content], place: Place) -> Step:
    """The step that begins a decoder at a place of the scratch."""
    values = np.concatenate([padded(content.values) for content in contents])
    stored, array = code.encode(values), contents[0].array
    assert stored is not None
    between = [content.constants for content in contents if content.constants is not None]
    fields: dict[str, Field] = {
        "code": Array(np.frombuffer(stored, np.uint8), f"{array.comment}, {code.title}"),
        "bytes": len(stored),
        "constants": Array(np.concatenate(between), "biases and multipliers") if between else None,
    }
    return Step(_function(code.kernel, fields, CODE), place, place, place.offset)


def _unpack(content: Content) -> Call:
    """The call that puts the next of an array's numbers where they are read."""
    return _function("ep_unpack", {"form": content.form, "count": content.count, "groups": content.groups})


def _content(array: Array) -> Content:
    """What an array of a kernel that is computed in blocks holds."""
    return content_of(array) or as_bytes(array)


def _function(kernel: str, fields: Mapping[str, Field], struct: str = "") -> Call:
    return Call(kernel, f"{kernel}.h", fields, (), (), scratch=0, struct=struct, function=True)


def _replaced(fields: Mapping[str, Field], places: Mapping[Key, Decoded]) -> dict[str, Field]:
    """Struct members with pointers to what was decoded in place of arrays."""
    found: dict[str, Field] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            found[name] = _replaced(value, places)
        else:
            found[name] = places.get(key_of(value), value) if isinstance(value, Array) else value
    return found


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
