"""Names that can be folders on a device, files in a pack and, with `c_identifier`, C identifiers."""

from __future__ import annotations

import re
import unicodedata

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
# The keywords of C99 and C++, and the entry point.
_C_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while and bool catch class
    delete explicit export false friend main mutable namespace new not operator or private protected public template this
    throw true try typename using virtual xor
    """,
    )
)


def check_name(name: str) -> str:
    """`name` itself when it is a usable name.

    Raises:
        ValueError: it is not 1 to 63 letters, digits, "-" and "_", starting with a letter.
    """
    if not _NAME.fullmatch(name):
        example = derive_name(name)
        raise ValueError(
            f"{name!r} is not a name: use up to 63 letters, digits, - and _, starting with a letter, such as {example!r}"
        )
    return name


def derive_name(text: str) -> str:
    """The nearest usable name: "My Model (v2)" -> "my-model-v2", "9 digits" -> "model-9-digits", "" -> "model"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
    if not name:
        return "model"
    if not name[0].isalpha():
        name = f"model-{name}"
    return name[:63].rstrip("-_")


def c_identifier(name: str) -> str:
    """Such as "keyword-spotting" -> "keyword_spotting"; a C or C++ keyword gets "_model" behind it.

    >>> c_identifier("float")
    'float_model'
    """
    identifier = derive_name(name).replace("-", "_")
    return f"{identifier}_model" if identifier in _C_WORDS else identifier
