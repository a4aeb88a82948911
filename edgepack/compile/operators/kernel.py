"""What an operator is to the compiler: how it is checked, which kernels run it, and what passes may do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

import numpy as np

from edgepack.compile.call import Call
from edgepack.compile.graph import Data, Node
from edgepack.compile.operators.site import CHECK_RANGES, CONVERT_AGAIN, Site

Problem = TypeVar("Problem")

FROM_UINT8 = "from_uint8"
"""The option of operators whose file computes in uint8, and the name of the form for them."""

Range = tuple[Data, Data]
"""Smallest and largest stored value of each channel of an int8 tensor: int64 arrays (channels,)."""

Ranges = Mapping[int, Range]
"""The range of every int8 value that has an axis, by value id."""


ON_CODES = "codes"
"""A feature that no core has: kernels that need it compute on codes, and are for coded/direct.py to take."""

UNKNOWN = 1e9
"""The instructions of kernels that no other competes with, which nobody estimated."""


@dataclass(frozen=True)
class Kernel(Generic[Problem]):
    """One way to run an operator.

    `needs` are CPU features (edgepack/cores); `applies` says whether it can do this problem; `cost` estimates the executed
    instructions, for choosing among those that can; `lower` gives the call (or several, in order), with constants packed as
    this kernel reads them. `wide`: it takes weights of 9 bits, as a uint8 model's may be (shared/wide.py).
    """

    name: str
    lower: Callable[[Problem], Call | tuple[Call, ...]]
    needs: frozenset[str] = frozenset()
    applies: Callable[[Problem], bool] = field(default=lambda problem: True)
    cost: Callable[[Problem], float] = field(default=lambda problem: UNKNOWN)
    wide: bool = False


def always(site: Site) -> bool:
    """For `channels_apart`: whatever the operands."""
    return True


@dataclass(frozen=True)
class Operator(Generic[Problem]):
    """A TFLite operator, by its name in the schema. What it is to other rooms too stands in edgepack/flatbuffer/traits.py.

    `describe` asks what the model wants, and whether that is allowed: it raises CompileError EP-704 or EP-705, or returns the
    checked problem. `kernels` can run that problem, the portable one first; of equal costs the first is taken.

    `forms` is the operator on other types, by the type of a tensor it computes with: int16 activations. The form "from_uint8"
    computes on int8 what the file computes on uint8, with uint8's roundings; it is the operator itself where these are alike.
    `moves_uint8`: it takes uint8 as it stands, because it moves or converts elements.

    What passes may do, for int8:
    `ranges` is the range of the output, from that of every value before it; None where it cannot be told. It must be sound.
    `channels_apart` says whether channel k of the output depends on channel k of the inputs alone, and on no constant that has
    channels, but for DEPTHWISE_CONV_2D's weights; constant channels are then removed through it.
    `explicit_padding`: it takes the option "explicit_padding", so a PAD can be fused: "zero" one that fills with the input's zero
    point, "any" one that fills with the option "explicit_fill".
    `keeps_state`: it writes a variable tensor, so it stays even if nobody reads its output.
    """

    name: str
    describe: Callable[[Site], Problem]
    kernels: tuple[Kernel[Problem], ...]
    forms: Mapping[str, Operator[Any]] = field(default_factory=dict)
    ranges: Callable[[Problem, Ranges], Range | None] | None = None
    channels_apart: Callable[[Site], bool] | None = None
    explicit_padding: Literal["zero", "any"] | None = None
    keeps_state: bool = False
    moves_uint8: bool = False

    def of(self, node: Node) -> Operator[Any]:
        """The operator on int8, as this node's file means it."""
        return self.forms.get(FROM_UINT8, self) if node.options.get(FROM_UINT8) else self

    def checked(self, site: Site) -> Problem:
        """What `describe` gives.

        Raises CompileError as `describe` does, and for what no operator takes: an output without elements, and scales whose
        products or quotients leave the range of numbers.
        """
        for value in (site.graph.values[index] for index in site.node.outputs):
            site.require(value.elements > 0, f"computes an empty tensor {list(value.shape)}", CONVERT_AGAIN, value)
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return self.describe(site)
        except (OverflowError, ZeroDivisionError) as error:  # each scale is finite, but what is computed of them need not be
            raise site.error("EP-704", "has scales too far apart to compute with", CHECK_RANGES) from error

    def with_kernels(self, *kernels: Kernel[Problem]) -> Operator[Problem]:
        """The same operator with more kernels, after those it has."""
        return replace(self, kernels=(*self.kernels, *kernels))

    def with_forms(self, **forms: Operator[Any]) -> Operator[Problem]:
        """The same operator with forms of other types, such as int16=…"""
        return replace(self, forms={**self.forms, **forms})
