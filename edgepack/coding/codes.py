"""Every code there is."""

from __future__ import annotations

from edgepack.coding.ans import Ans
from edgepack.coding.ans_pairs import AnsPairs
from edgepack.coding.bitmap import Bitmap
from edgepack.coding.blocks import Blocks
from edgepack.coding.code import Code
from edgepack.coding.gaps import Gaps
from edgepack.coding.palette import Palette
from edgepack.coding.runs import Runs
from edgepack.coding.ternary import Ternary
from edgepack.ground.errors import ProjectError

CODES: tuple[Code, ...] = (Palette(), Ternary(), Bitmap(), Runs(), Blocks(), Ans(), AnsPairs(), Gaps())

SETTINGS = ("auto", "off", "smallest")
"""What may be said in the place of a code's name: what is worth it, none, whatever becomes smaller."""


def find_code(name: str) -> Code:
    """The code of that name. Raises ProjectError EP-710 for an unknown one."""
    for code in CODES:
        if code.name == name:
            return code
    names = (*SETTINGS, *(code.name for code in CODES))
    raise ProjectError("EP-710", f"unknown code '{name}'", f"Use one of: {', '.join(names)}.")


def check_coding(coding: str) -> str:
    """`coding`, if it is one of SETTINGS or a code's name. Raises ProjectError EP-710 for others."""
    return coding if coding in SETTINGS else find_code(coding).name
