"""Importing TensorFlow and both Keras generations: late, quietly, and with the same meaning in every order."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from edgepack.ground.errors import ToolError


def import_tf_keras() -> Any:
    """The module tf_keras (Keras 2), TensorFlow imported before it.

    `tf.keras` is made to be Keras 2 as well, whatever is imported later; Keras 3 stays available as `keras`.

    Raises:
        ToolError: EP-620 when TensorFlow or tf_keras is not installed.
    """
    _prepare()
    return _import("tf_keras")


def import_keras3() -> Any:
    """The module keras (Keras 3).

    Raises:
        ToolError: EP-620 when it is not installed, or is Keras 2.
    """
    _prepare()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    keras = _import("keras")
    if not keras.__version__.startswith("3."):
        raise ToolError("EP-620", f"keras {keras.__version__} is installed, Keras 3 is needed", _HINT)
    return keras


def import_h5py() -> Any:
    """The module h5py, which comes with TensorFlow.

    Raises:
        ToolError: EP-620 when it is not installed.
    """
    return _import("h5py")


def versions() -> dict[str, str]:
    """The installed versions of what reads and writes models, found without importing any of it."""
    found = {}
    for package in ("tensorflow", "tf-keras", "keras"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


_HINT = "install the extra train: pip install 'edgepack[train]'"


def _prepare() -> None:
    """Settings TensorFlow reads once, when it is first imported.

    oneDNN's kernels stay on, as they are by default: they train convolutions faster, and give the same bytes each time too.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    first = "tensorflow" not in sys.modules
    with _quiet_start() if first else contextlib.nullcontext():
        _import("tensorflow")
    if first:
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        logging.getLogger("absl").setLevel(logging.ERROR)


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ToolError("EP-620", f"{error.name or name} is not installed", _HINT) from error


@contextlib.contextmanager
def _quiet_start() -> Iterator[None]:
    """Discard what native code writes to standard error: TensorFlow reports absent GPUs before any log level applies."""
    try:
        saved = os.dup(2)
    except OSError:
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
