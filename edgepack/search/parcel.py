"""A project packed to be tried on another machine: its folder, and what was given beside it."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edgepack.ground.errors import ProjectError
from edgepack.pipeline.given import NOTHING
from edgepack.pipeline.request import Plan, Request

_LEFT_OUT = {"build", "__pycache__"}
_PROJECT, _DATA, _WEIGHTS = "project", "data", "weights"
_KEPT = 14 * 24 * 3600
"""Seconds after which an unpacked project that no trial used is removed."""


@dataclass(frozen=True)
class Parcel:
    """The files of a request as one tar archive, and the request in which `unpack` puts their new places."""

    content: bytes
    request: Request


def pack_project(plan: Plan) -> Parcel:
    """Pack a project's folder, without what edgepack wrote there and hidden files, the data and the weights of `--data` and
    `--weights`. Links are followed.

    Raises:
        ProjectError: EP-186 for a project that is not a folder, or that names a file elsewhere.
    """
    request = plan.request
    if not isinstance(request.project, Path) or not request.project.is_dir() or request.given != NOTHING:
        raise ProjectError(
            "EP-186",
            "a cluster's workers need the project's files, and this one is made of Python objects or a single file",
            "put it into a folder with an edgepack.toml: edgepack init --model FILE --data FILE",
        )
    folder = request.project.resolve()
    for what, named in (("model.source", plan.project.model.source), ("data.source", plan.project.data.source or "")):
        path = Path(named.partition(":")[0])
        if path.is_absolute() or not (folder / path).resolve().is_relative_to(folder):
            hint = "copy it into the project's folder, and name it as it lies there"
            raise ProjectError("EP-186", f"{what} names {path}, which the cluster's workers do not have", hint)
    with io.BytesIO() as written:
        with tarfile.open(fileobj=written, mode="w", dereference=True) as archive:
            archive.add(folder, _PROJECT, filter=_belongs)
            for name, given in ((_DATA, request.data), (_WEIGHTS, request.weights)):
                if given is not None:
                    archive.add(given.resolve(), f"{name}/{given.name}")
        return Parcel(written.getvalue(), request)


def unpack(parcel: Parcel, home: Path) -> Request:
    """The request that names a parcel's files where they lie below `home`; they are written there unless they are already.

    The same files lie in the same folder, so that several workers of a machine, and later ones, share what was trained in it.
    Folders that were not used for two weeks are removed.
    """
    home.mkdir(parents=True, exist_ok=True)
    folder = home / hashlib.sha256(parcel.content).hexdigest()[:16]
    if not folder.is_dir():
        _remove_old(home)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=home))
        try:
            with tarfile.open(fileobj=io.BytesIO(parcel.content)) as archive:
                archive.extractall(fresh, filter="data")
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another worker was first
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    os.utime(folder)
    request = parcel.request
    return replace(
        request,
        project=folder / _PROJECT,
        data=None if request.data is None else folder / _DATA / request.data.name,
        weights=None if request.weights is None else folder / _WEIGHTS / request.weights.name,
        out=None,
    )


def _remove_old(home: Path) -> None:
    for folder in home.iterdir():
        if folder.is_dir() and time.time() - folder.stat().st_mtime > _KEPT:
            shutil.rmtree(folder, ignore_errors=True)


def _belongs(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(member.name).parts[1:]
    hidden = any(part.startswith(".") for part in parts)
    return None if hidden or (parts and parts[0] in _LEFT_OUT) or "__pycache__" in parts else member
