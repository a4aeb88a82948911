"""Every code there is."""

from __future__ import annotations

from edgepack.coding.ans import Ans
from edgepack.coding.bitmap import Bitmap
from edgepack.coding.blocks import Blocks
from edgepack.coding.code import Code
from edgepack.coding.palette import Palette
from edgepack.coding.runs import Runs
from edgepack.coding.ternary import Ternary
from edgepack.ground.errors import ProjectError

CODES: tuple[Code, ...] = (Palette(), Ternary(), Bitmap(), Runs(), Blocks(), Ans())


def find_code(name: str) -> Code:
    """The code of that name. Raises ProjectError EP-710 for an unknown one."""
    for code in CODES:
        if code.name == name:
            return code
    raise ProjectError("EP-710", f"unknown code '{name}'", f"Use one of: {', '.join(code.name for code in CODES)}.")
