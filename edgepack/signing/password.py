"""The password of a key: from an environment variable, else asked for where somebody can answer."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path

from edgepack.ground.errors import ProjectError

SIGN = "EDGEPACK_SIGN_PASSWORD"
"""Holds the password of the key that signs."""
ENDORSE = "EDGEPACK_ENDORSE_PASSWORD"
"""Holds the password of the key that endorses another."""


def password_of(key: Path, variable: str) -> str:
    """The password of an encrypted key.

    Raises:
        ProjectError: EP-192 the variable is not set, and nobody can be asked.
    """
    given = os.environ.get(variable)
    return given if given is not None else _ask(f"Password of {key}: ", str(key), variable)


def new_password(key: Path) -> str:
    """The password for a new key, typed twice.

    Raises:
        ProjectError: EP-192 as for `password_of`, and when the two differ or are empty.
    """
    given = os.environ.get(SIGN)
    if given is not None:
        return given
    typed = _ask(f"Password for {key}: ", str(key), SIGN)
    if not typed or typed != _ask("The same again: ", str(key), SIGN):
        raise ProjectError(
            "EP-192", "no password: it was empty, or the two were not the same", "run the command again, or with --no-password"
        )
    return typed


def _ask(prompt: str, key: str, variable: str) -> str:
    if not sys.stdin.isatty():
        raise ProjectError("EP-192", f"the key {key} needs a password, and nobody can be asked here", f"set {variable}")
    return getpass.getpass(prompt)
