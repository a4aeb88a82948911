"""Calls whose constants lie encrypted: they come into the call's scratch before a kernel, or a decoder, reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from edgepack.compile.call import CODE, DECRYPTION, SCRATCH, Array, Call, Decoded, Field, Place, Step
from edgepack.compile.coded.calls import function, replaced
from edgepack.compile.coded.contents import Key, arrays_inside, key_of
from edgepack.compile.encrypted.cipher import BLOCK, Image
from edgepack.compile.graph import Graph

WINDOW = 288  # EP_CIPHER_WINDOW_ROOM
STATE = 16  # of struct ep_deciphering
LARGE = 1024  # bytes of an array that is decrypted by itself: equal ones, as in unrolled layers, are then stored once
BY = Place(DECRYPTION, 0)


@dataclass
class _Scratch:
    """What is decrypted into a call's scratch before it begins: where each array lies; those together that are small."""

    image: Image
    end: int
    places: dict[Key, Decoded] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    small: list[tuple[Array, bytes]] = field(default_factory=list)

    def take(self, array: Array) -> Decoded:
        """Where the array will be."""
        key, data = key_of(array), array.data.tobytes()
        if key not in self.places:
            if len(data) < LARGE:
                self.small.append((array, data))
            else:
                self.close()
                self._decipher(data, array.comment, self.end)
            self.places[key] = Decoded(self.end, str(array.data.dtype))
            self.end += _blocks(len(data))
        return self.places[key]

    def close(self) -> None:
        """Decrypt the small arrays that stand together."""
        if self.small:
            joined = b"".join(_padded(data) for _, data in self.small)
            titles = dict.fromkeys(array.comment for array, _ in self.small if array.comment)
            self._decipher(joined, ", ".join(titles), self.end - len(joined))
            self.small = []

    def _decipher(self, data: bytes, comment: str, place: int) -> None:
        self.steps.append(Step(_decipher(self.image, data, comment), BY, Place(SCRATCH, place), 0))


def encrypted_call(graph: Graph, call: Call, image: Image) -> Call:
    """The call with its constants encrypted, those that are its inputs too; they are added to the image."""
    scratch = _Scratch(image, _blocks(max(call.scratch or 0, STATE)))
    windows: dict[int, Call] = {}
    parts: dict[int, Call] = {}
    for part in call.parts():
        parts[id(part)] = _encrypted_part(part, scratch, windows)
    constants = {} if call.rounds else _constants(graph, call, scratch)
    scratch.close()
    if not scratch.steps and not windows:
        return call
    rounds = [_windowed(steps, parts, windows) for steps in call.rounds] or [[_step(call, parts[id(call)], constants)]]
    inputs = tuple(value for value in call.inputs if value not in constants)
    changed = replace(call, kernel="", header="", fields={}, inputs=inputs, scratch=scratch.end)
    return replace(changed, rounds=((*scratch.steps, *rounds[0]), *(tuple(steps) for steps in rounds[1:])))


def _encrypted_part(part: Call, scratch: _Scratch, windows: dict[int, Call]) -> Call:
    """A part that reads what was decrypted; a decoder reads its code through a window."""
    if part.struct == CODE:
        fields, window = _code(part.fields, scratch)
        windows[id(part)] = window
        return replace(part, fields=fields)
    for array in arrays_inside(part.fields, join=False):
        scratch.take(array)
    changed = replace(part, fields=replaced(part.fields, scratch.places))
    if part.kernel != "ep_unpack_gaps":  # reads a code at one go
        return changed
    return replace(changed, kernel="ep_unpack_sparse", header="ep_unpack_sparse.h")


def _code(fields: Mapping[str, Field], scratch: _Scratch) -> tuple[dict[str, Field], Call]:
    """A code's struct, and the call that opens its window; what is behind the code, or beside it, is decrypted at once."""
    code, size, constants = fields["code"], fields["bytes"], fields["constants"]
    assert isinstance(code, Array) and isinstance(size, int)
    behind = code.data[size:]
    if behind.size:
        constants = Array(behind, "biases and multipliers, coded")
    stored = scratch.image.array(code.data[:size].tobytes(), code.comment)
    assert stored.offset is not None
    decoded = scratch.take(constants) if isinstance(constants, Array) else None
    numbers = None if decoded is None else Decoded(decoded.offset, "int32")
    return {"code": stored, "bytes": size, "constants": numbers}, function("ep_cipher_window", {"offset": stored.offset})


def _windowed(steps: Sequence[Step], parts: Mapping[int, Call], windows: Mapping[int, Call]) -> list[Step]:
    """The steps of a round; a decoder's window is opened before it is begun."""
    found: list[Step] = []
    for step in steps:
        if id(step.call) in windows:
            before = step.scratch - WINDOW
            found.append(Step(windows[id(step.call)], BY, Place(SCRATCH, before), before))
        found.append(replace(step, call=parts[id(step.call)]))
    return found


def _constants(graph: Graph, call: Call, scratch: _Scratch) -> dict[int, Place]:
    """Inputs of a call that are constants, and where they lie when decrypted."""
    found = {}
    for value in call.inputs:
        data = graph.values[graph.root(value)].data
        if data is not None and data.size:
            decoded = scratch.take(Array(data, "constant"))
            found[value] = Place(SCRATCH, decoded.offset, str(data.dtype))
    return found


def _step(call: Call, run: Call, constants: Mapping[int, Place]) -> Step:
    """The run of a call that was one kernel's."""
    places = tuple(constants.get(value, Place(value, 0)) for value in (*call.inputs, *call.outputs))
    if len(call.inputs) == len(call.outputs) == 1:
        return Step(run, places[0], places[1], 0)
    return Step(run, BY, BY, 0, places)


def encrypted_blocks(whole: Call, blocks: Sequence[Call], size: int, image: Image) -> Call:
    """The call in blocks of `size` output channels, whose constants are decrypted before each is computed."""
    state = _blocks(max(block.scratch or 0 for block in blocks))
    places: list[dict[Key, Decoded]] = []
    contents: list[bytes] = []
    for block in blocks:
        inside = sorted(arrays_inside(block.fields, join=False), key=lambda array: array.data.nbytes)
        arrays = {key_of(array): array for array in inside}  # those of one size ahead, so that blocks share a struct
        at, here = state + STATE, {}
        for key, array in arrays.items():
            here[key] = Decoded(at, str(array.data.dtype))
            at += _blocks(array.data.nbytes)
        places.append(here)
        contents.append(b"".join(_padded(array.data.tobytes()) for array in arrays.values()))
    title = ", ".join(dict.fromkeys(array.comment for array in arrays_inside(whole.fields, join=False) if array.comment))
    whole_image = _decipher(image, b"".join(contents), title)
    first = replace(whole_image, fields={**whole_image.fields, "bytes": len(contents[0])})
    later = {len(content): function("ep_decipher", {"code": None, "offset": 0, "bytes": len(content)}) for content in contents}
    runs: list[Call] = []
    rounds = []
    for index, (block, here, content) in enumerate(zip(blocks, places, contents, strict=True)):
        run = replace(block, fields=replaced(block.fields, here))
        runs.append(next((same for same in runs if same.fields == run.fields), run))
        decipher = first if index == 0 else later[len(content)]
        output = Place(run.outputs[0], index * size)
        steps = Step(decipher, BY, Place(SCRATCH, state + STATE), state), Step(runs[-1], Place(run.inputs[0], 0), output, 0)
        rounds.append(steps)
    scratch = state + STATE + max(len(content) for content in contents)
    return replace(whole, kernel="", header="", fields={}, scratch=scratch, overlaps=(), rounds=tuple(rounds))


def _decipher(image: Image, data: bytes, comment: str) -> Call:
    stored = image.array(data, comment)
    assert stored.offset is not None
    return function("ep_decipher", {"code": stored, "offset": stored.offset, "bytes": stored.data.size})


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _blocks(size: int) -> int:
    """Bytes of whole blocks."""
    return -(-size // BLOCK) * BLOCK
