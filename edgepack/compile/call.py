"""What an operator becomes: a call of one kernel with one constant struct, and what the memory planner must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union

from edgepack.compile.graph import Data


@dataclass(frozen=True, eq=False)
class Array:
    """Constant numbers in NAME_weights.c; its numpy dtype (int8, int16, int32, int64, uint8, float32) gives the C type.

    `depth` are the values of a filter where this is a stream of kernels/shared/ep_gemm.h, else 0. `packed`: these are int8
    weights, four in a word. `channels` and `words`: so many biases lie side by side, then so many words of bytes, then as many
    multipliers, and so on; `parts` are the arrays that lie in this one, which only codes know (coded/contents.py).
    `lines`: a stream of kernels/shared/ep_gemm_sparse.h, whose weights find their pixels so (operators/shared/sparse_stream.py).
    `offset`: where it lies among all that is encrypted, in bytes; None where it is stored as it is (encrypted/).
    """

    data: Data
    comment: str = ""
    depth: int = 0
    packed: bool = False
    channels: int = 1
    words: int = 0
    parts: tuple[Array, ...] = ()
    lines: tuple[int, ...] = ()
    offset: int | None = None


@dataclass(frozen=True)
class Decoded:
    """Numbers of a type that a step before has put so many bytes into the outer call's scratch."""

    offset: int
    dtype: str


# A struct member: a number, an array of numbers inside the struct, a pointer to an array (or NULL), or a struct in the struct.
Field = Union[int, float, tuple[int, ...], Array, Decoded, None, "Mapping[str, Field]"]


def decodes(fields: Mapping[str, Field]) -> bool:
    """Whether any of these numbers has been decoded before."""
    return any(isinstance(value, Decoded) or (isinstance(value, Mapping) and decodes(value)) for value in fields.values())


@dataclass(frozen=True)
class Overlap:
    """An output may lie over an input that nobody reads afterwards, if the output starts at least `distance` bytes below it.

    0 allows the same place (element by element, or front to back in equal steps); the output's size is the same as no overlap.
    `exactly` allows that distance only, for kernels that do not walk their input from front to back.
    """

    input: int
    output: int
    distance: int
    exactly: bool = False


CODE = "ep_code"  # the struct of a call that begins decoding
SCRATCH = -1  # in place of a value id: the call's scratch
DECRYPTION = -2  # or what decrypts (kernels/coding/ep_decipher.h)


@dataclass(frozen=True)
class Place:
    """So many bytes into the memory of a value, or of the call's scratch, there as numbers of a type."""

    value: int
    offset: int
    dtype: str = "int8"


@dataclass(frozen=True, eq=False)
class Step:
    """A call inside a call: where its input and output begin, and its scratch, in bytes of the outer call's scratch.

    `places`: its inputs and outputs where there are others than one of each.
    """

    call: Call
    input: Place
    output: Place
    scratch: int
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class Call:
    """`kernel(&struct, inputs..., outputs..., scratch)`: the C function and struct `kernel`, defined in `header`.

    `inputs` and `outputs` are value ids; a constant input is passed as a pointer to its array. `scratch` is None when the
    kernel takes none, else the bytes of arena it needs while it runs.

    `rounds` is empty, or the steps of each round, in order: what several layers do in bands of rows (bands.py), or decoding
    before a kernel runs (coded/). `kernel` and `fields` then mean nothing.

    `struct` is the C struct where that is not named as the kernel is. `function`: the kernel is a function that is never inlined.
    """

    kernel: str
    header: str
    fields: Mapping[str, Field]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    scratch: int | None = None
    overlaps: tuple[Overlap, ...] = field(default=())
    rounds: tuple[tuple[Step, ...], ...] = ()
    struct: str = ""
    function: bool = False

    @property
    def struct_type(self) -> str:
        """The name of the C struct of constants."""
        return self.struct or self.kernel

    def parts(self) -> tuple[Call, ...]:
        """The calls of kernels that this is: itself, or every different one of its rounds."""
        if not self.rounds:
            return (self,)
        return tuple({id(step.call): step.call for steps in self.rounds for step in steps}.values())


def in_place(inputs: tuple[int, ...], output: int) -> tuple[Overlap, ...]:
    """The overlaps of a kernel that reads each element before it writes the same position."""
    return tuple(Overlap(value, output, 0) for value in dict.fromkeys(inputs))
