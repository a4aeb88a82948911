"""Data from a project's own function: `def load(path: Path | None) -> dict`."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.ground.plain import plain
from edgepack.sources.data.batches import Spool, comes_in_pieces, read_pieces
from edgepack.sources.data.raw import RawData, RawSplit
from edgepack.sources.data.split_names import split_of
from edgepack.sources.user_code import FunctionSource, OpenedFiles, user_module, watch_opened_files

_SPLITS = ("train", "test", "validation", "representative")
_KEYS = (*_SPLITS, "class_names", "preprocessing")
_FORM = "return a dict with train=(x, y), test=(x, y) and, if wanted, validation, representative, class_names, preprocessing"


def load_from_function(source: FunctionSource, folder: Path, path: Path | None, spool: Spool) -> tuple[RawData, OpenedFiles]:
    """What the function returns for `path`, and the files it read; what comes in pieces is kept in `spool`.

    Raises:
        DataError: EP-304 for a file or function that is not there, EP-305 when it fails (with its file and line) or does not take
            the path, EP-306 or EP-308 for a result that is not of the documented form.
    """
    where = source.file.name

    def failed(reason: str) -> DataError:
        hint = f"correct {where}, or give it the data it asks for"
        return DataError("EP-305", f"{source.function}() of {where} failed: {reason}", hint)

    if not source.file.is_file():
        raise DataError("EP-304", f"there is no file {where} in the project", "check [data] source in edgepack.toml")
    with watch_opened_files(folder) as opened, user_module(source.file, folder, failed) as module:
        function = getattr(module, source.function, None)
        if not callable(function):
            defined = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
            near = difflib.get_close_matches(source.function, defined, 1)
            hint = f"did you mean {near[0]}?" if near else f"define def {source.function}(path), or correct [data] source"
            raise DataError("EP-304", f"{where} has no function {source.function}", hint)
        if not _takes_path(function):
            hint = f"write def {source.function}(path): it is given --data, or None"
            raise DataError("EP-305", f"{source.function}() of {where} does not take one argument, the path of the data", hint)
        raw = read_result(function(path), where, spool)
    return raw, opened


def _takes_path(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # written in C, without a signature
        return True
    return True


def read_result(result: Any, where: str, spool: Spool) -> RawData:
    """The data in what `load` returned.

    Raises:
        DataError: EP-306 for a result that is not of the documented form, EP-308 for values that are not arrays of numbers,
            EP-324 for pieces without an end.
    """
    if not isinstance(result, Mapping):
        raise DataError("EP-306", f"{where} returned {type(result).__name__}, not a dict", _FORM)
    known = [_known_key(key) for key in result]
    if len(set(known)) < len(known):
        raise DataError(
            "EP-306", f"{where} returned one split under two names: {', '.join(map(str, result))}", "keep one of them"
        )
    result = dict(zip(known, result.values(), strict=True))
    for key in result:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1)
            raise DataError("EP-306", f"{where} returned an unknown key {key!r}", f"did you mean {near[0]!r}?" if near else _FORM)
    if result.get("train") is None and result.get("test") is None:
        raise DataError("EP-306", f"{where} returned no train data", _FORM)
    names: list[tuple[str, ...]] = []
    splits = {name: _split(result[name], f"{where}: {name}", names, spool) for name in _SPLITS if result.get(name) is not None}
    if any(found != names[0] for found in names):
        raise DataError("EP-306", f"{where}: the inputs are not named alike in every split", "use the same keys in each split")
    preprocessing = result.get("preprocessing") or {}
    if not isinstance(preprocessing, Mapping):
        hint = 'for example {"scale": "1 / 255"}'
        raise DataError("EP-306", f"{where}: preprocessing is {type(preprocessing).__name__}, not a dict", hint)
    return RawData(
        where,
        splits,
        class_names=tuple(str(name) for name in _listed(result.get("class_names"), where)),
        preprocessing=plain(preprocessing),
        input_names=names[0],
    )


def _known_key(key: Any) -> Any:
    """A split's usual name for "val", "Training" and their like."""
    said = None if key in _KEYS else split_of(str(key))
    return said[0] if said is not None and not said[1] else key


def _split(value: Any, where: str, names: list[tuple[str, ...]], spool: Spool) -> RawSplit:
    """One split from (x, y), (x,) or x, or from pieces of that form; x is an array, or a tuple or dict of one for each input."""
    if comes_in_pieces(value):
        return read_pieces(value, where, spool, names)
    inputs, labels = value, None
    if isinstance(value, tuple | list) and not isinstance(value, np.ndarray):
        if len(value) not in (1, 2):
            hint = "give (x, y); several inputs are a tuple or dict in place of x"
            raise DataError("EP-306", f"{where} has {len(value)} parts", hint)
        inputs, labels = value[0], value[1] if len(value) == 2 else None
    if isinstance(labels, tuple | Mapping):
        raise DataError("EP-306", f"{where} has several label arrays", "give one array: the labels of the model's first output")
    if isinstance(inputs, Mapping):
        names.append(tuple(str(key) for key in inputs))
        arrays = [_array(inputs[key], f"{where} input {key!r}") for key in inputs]
    elif isinstance(inputs, tuple):
        names.append(())
        arrays = [_array(part, f"{where} input {number}") for number, part in enumerate(inputs)]
    else:
        names.append(())
        arrays = [_array(inputs, f"{where} inputs")]
    if not arrays:
        raise DataError("EP-306", f"{where} has no inputs", _FORM)
    return RawSplit(tuple(arrays), None if labels is None else _array(labels, f"{where} labels"))


def _array(value: Any, what: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError("EP-308", f"{what} cannot become an array: {error}", "give examples of one shape") from error
    if array.ndim == 0:
        raise DataError("EP-308", f"{what} are {type(value).__name__}, not an array", "give a NumPy array, examples first")
    return array


def _listed(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str):
        raise DataError("EP-306", f"{where}: class_names is one string", 'give a list like ["cat", "dog"]')
    return list(value)
