"""`--coding` with or without a word behind it, wherever it stands: the argument parser itself knows only one of the two."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

OPTION, DEFAULT = "--coding", "auto"


class WithCoding(TyperCommand):
    """A command whose option --coding means "auto" when no word follows that could be a code's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The command line, the word left out put in."""
        return super().parse_args(ctx, with_word(args))


def with_word(args: list[str]) -> list[str]:
    """The arguments with "auto" behind an option that has no word: at the end, before an option, a file's name or a folder."""
    options = args[: args.index("--")] if "--" in args else args
    bare = [place for place, word in enumerate(options) if word == OPTION and not _is_word(options[place + 1 : place + 2])]
    return [part for place, word in enumerate(args) for part in ((word, DEFAULT) if place in bare else (word,))]


def _is_word(following: list[str]) -> bool:
    if not following or re.fullmatch(r"\w[\w-]*", following[0]) is None:
        return False
    from edgepack.coding import CODES, SETTINGS

    return following[0] in (*SETTINGS, *(code.name for code in CODES)) or not Path(following[0]).exists()
