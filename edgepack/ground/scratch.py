"""Folders for temporary files, and the error that says that there is no room for them."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edgepack.ground.errors import ProjectError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_ENOUGH = 1 << 16  # bytes; with less, whatever failed can have failed for that


class NoRoom(ProjectError):
    """EP-152: the disk of the temporary files is full."""


@contextmanager
def scratch_folder(prefix: str = "edgepack-") -> Iterator[Path]:
    """A temporary folder, gone at the block's end.

    A block that fails while the disk is full fails for that, whatever it says itself: a library words it in its own way, and a
    process of its own just ends.

    Raises:
        NoRoom: EP-152.
    """
    with ExitStack() as stack:
        try:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)))
        except OSError as error:
            raise _no_room(error) from error
        try:
            yield folder
        except NoRoom:
            raise
        except Exception as error:
            refuse_full(error, folder)
            raise


def refuse_full(cause: Exception | None = None, folder: Path | None = None) -> None:
    """Raise when nothing more can be written for the time being, to `folder` or where temporary files are.

    Raises:
        NoRoom: EP-152, because of `cause`.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_ENOUGH))
    except OSError as error:
        if error.errno in _FULL:
            raise _no_room(error, folder) from cause or error


def _no_room(error: OSError, folder: Path | None = None) -> NoRoom:
    where = f"{folder.parent}" if folder is not None else tempfile.tempdir or "any folder for them"
    return NoRoom(
        "EP-152",
        f"temporary files cannot be written to {where}: {error.strerror}",
        "free some space there, or set TMPDIR to a folder with more room",
    )
