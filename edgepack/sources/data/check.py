"""What is wrong with data that a model could not learn from, said before anything is trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError
from edgepack.sources.data.dataset import SPLITS
from edgepack.sources.data.raw import RawData, RawSplit

_AVERAGED = tuple(f"{name}{average}" for name in ("f1", "precision", "recall") for average in ("", "_macro", "_micro"))
_CLASS_METRICS = ("accuracy", "binary_accuracy", *_AVERAGED, "auc", "roc_auc", "average_precision", "log_loss")
_BLOCK = 1024  # labels looked at in one go


def is_class_metric(metric: str) -> bool:
    """Whether a metric compares class numbers or labels: accuracy, top_k, f1, precision, recall, auc, …

    >>> is_class_metric("F1-macro"), is_class_metric("mse"), is_class_metric("metrics.py:mine")
    (True, False, False)
    """
    name = metric.lower().replace("-", "_")
    return name in _CLASS_METRICS or (name.startswith("top_") and ":" not in name)


def check_given(raw: RawData, metric: str) -> RawData:
    """`raw` with class labels as one class number an example, once what the source gave was found usable; labels that say yes or
    no to each of several classes stay rows of zeros and ones.

    Raises:
        DataError: EP-306 for inputs of different counts or shapes, EP-307 for labels of another length, EP-308 for arrays
            that are not numbers, EP-312 for a split without examples, EP-314 for labels that are not class numbers, EP-316
            for an empty representative split.
    """
    changes = {}
    several = any(_says_several(split.labels) for split in raw.splits.values())
    for name, split in raw.splits.items():
        where = f"{raw.where}: {name}"
        _check_inputs(where, split, raw.train)
        if len(split) == 0:
            if name == "representative":
                raise DataError("EP-316", f"{where} is empty", "leave it out, and examples of the training data are used")
            raise DataError("EP-312", f"{where} has no examples", f"give examples, or leave {name} out to have it cut from train")
        changes[name] = replace(split, labels=_checked_labels(where, split, metric, several))
    return replace(raw, splits=changes)


def labels_are_values(labels: NDArray[Any] | None, metric: str) -> bool:
    """Whether labels are to be regressed, so that whole numbers among them count no classes.

    The metric tells; one of the project's own does not, and then classes are whole numbers that begin at 0 and leave none out.
    """
    if labels is None or is_class_metric(metric) or labels.ndim != 1:
        return False
    if ":" not in metric:
        return True
    if labels.dtype.kind not in "iub" or not labels.size:
        return labels.dtype.kind == "f"
    numbers = np.unique(labels)
    return bool(numbers[0] != 0 or numbers[-1] != len(numbers) - 1)


def check_complete(raw: RawData, metric: str) -> tuple[str, ...]:
    """Check the splits after cutting; the result are warnings.

    A class of which the data has too few examples for a split that edgepack cut is warned of: the data cannot do better.

    Raises:
        DataError: EP-312 for a split without examples, EP-313 when a class has no example at all, or is missing from the training
            or test split that the data brings, EP-316 when there is nothing to calibrate with.
    """
    for name in SPLITS:
        if len(raw.splits[name]) == 0:
            if name == "representative":
                hint = "set [data] representative to a number like 200"
                raise DataError("EP-316", f"{raw.where}: representative is empty", hint)
            hint = f"give more training examples (three of each class), a {name} split, or another share under [data] {name}"
            raise DataError("EP-312", f"{raw.where}: no examples are left for {name}", hint)
    return _check_classes(raw) if is_class_metric(metric) else ()


def _check_inputs(where: str, split: RawSplit, train: RawSplit) -> None:
    if len(split.inputs) != len(train.inputs):
        raise DataError(
            "EP-306",
            f"{where} has {len(split.inputs)} input arrays, train has {len(train.inputs)}",
            "give every split the same inputs in the same order",
        )
    for number, (rows, first) in enumerate(zip(split.inputs, train.inputs, strict=True)):
        what = f"{where} inputs" if len(split.inputs) == 1 else f"{where} input {number}"
        if rows.dtype.kind not in "fiub":
            raise DataError(
                "EP-308",
                f"{what} are {_type_name(rows.dtype)}, not numbers",
                "give an array of float or integer numbers in which every example has the same shape",
            )
        examples = split.inputs[0].shape[0]
        if rows.shape[0] != examples:
            hint = "give arrays with the examples first, as many in each"
            raise DataError("EP-306", f"{what} has {rows.shape[0]} examples, input 0 has {examples}", hint)
        if rows.shape[1:] != first.shape[1:]:
            raise DataError(
                "EP-306",
                f"{what} have the shape {_shape(rows.shape[1:])}, those of train {_shape(first.shape[1:])}",
                "give every split examples of one shape",
            )


def _says_several(labels: NDArray[Any] | None) -> bool:
    """Whether rows of zeros and ones have none or several ones."""
    return labels is not None and _zeros_and_ones(labels) and not bool((labels.sum(axis=1) == 1).all())


def _zeros_and_ones(labels: NDArray[Any]) -> bool:
    rows = labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "fiub"
    return rows and bool(((labels == 0) | (labels == 1)).all())


def _checked_labels(where: str, split: RawSplit, metric: str, several: bool) -> NDArray[Any] | None:
    labels = split.labels
    if labels is None:
        return None
    if labels.dtype.kind not in "fiub":
        raise DataError("EP-308", f"{where} labels are {_type_name(labels.dtype)}, not numbers", "give class numbers 0, 1, 2, …")
    rows = split.inputs[0].shape[0]
    if labels.shape[:1] != (rows,):
        count = len(labels) if labels.shape else "no"
        hint = "check where the arrays are cut; each example needs its label"
        raise DataError("EP-307", f"{where} has {rows} examples and {count} labels", hint)
    if not is_class_metric(metric):
        return labels
    return _class_numbers(where, labels, metric, several)


def _class_numbers(where: str, labels: NDArray[Any], metric: str, several: bool) -> NDArray[Any]:
    """Class numbers from class numbers, whole floats, a column of them, or one-hot rows; where `several` ones may stand in a row,
    the rows as they are."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if not several and _zeros_and_ones(labels):
        numbers: NDArray[Any] = labels.argmax(axis=1).astype(np.int64)
        return numbers
    for start in range(0, len(labels), _BLOCK):  # masks are as large as images
        block = labels[start : start + _BLOCK]
        wrong = _no_class_numbers(block)
        if wrong.any():
            value = block[wrong].reshape(-1)[0]
            raise DataError(
                "EP-314",
                f"{where} labels hold {value}; {metric} needs class numbers 0, 1, 2, …",
                "give 0 for -1, and a model that ends in sigmoid or without an activation"
                if bool(((block == 1) | (block == -1)).all())
                else 'give integer class numbers or one-hot rows; for a regression set metric = "mse" under [data]',
            )
    if labels.ndim == 1:
        return labels.astype(np.int64)
    return labels if labels.dtype.kind in "iub" else labels.astype(np.int32)


def _no_class_numbers(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Where labels are no whole numbers from 0 up to what 32 bits hold, which the frameworks count classes in."""
    if labels.dtype.kind == "b":
        return np.zeros(labels.shape, bool)
    wrong = ~((labels >= 0) & (labels < 2**31))  # not the reverse: every comparison with NaN is false
    return wrong | (labels != np.floor(labels)) if labels.dtype.kind == "f" else wrong


def _check_classes(raw: RawData) -> tuple[str, ...]:
    """Every class occurs in train and in test; data whose training part has no labels (anomalies) is exempt."""
    train, test = (_classes(raw.splits[name]) for name in ("train", "test"))
    if train is None:
        return ()
    given = train | (test or set())
    named = len(raw.class_names)
    count = named or max(given) + 1
    beyond = sorted(number for number in given if number >= count)
    if beyond:
        raise DataError(
            "EP-313",
            f"{raw.where}: class number {beyond[0]} occurs, but there are {named} class names",
            "number the classes from 0 and name each of them",
        )
    # More classes than examples: numbers that count no classes, such as hashes, or one label gone wrong.
    if not named and count > len(raw.train) + len(raw.splits["test"]):
        raise DataError(
            "EP-313",
            f"{raw.where}: class number {count - 1} occurs, but train has only {len(train)} different ones",
            "number the classes 0, 1, 2, … without gaps; look at the largest labels",
        )
    _check_numbering(raw, given, count)
    warnings = []
    for name, classes in (("train", train), ("test", test)):
        missing = [] if classes is None else [number for number in range(count) if number not in classes]
        if missing and raw.splits[name].cut:
            warnings.append(
                f"{raw.where}: {_called(raw, missing)}: a single example, which stays in train; {name}, cut by edgepack, "
                "has none. Two examples of a class are needed, three with validation"
            )
        elif missing:
            raise _absent(raw, name, missing)
    return tuple(warnings)


def _check_numbering(raw: RawData, given: set[int], count: int) -> None:
    """No class is without any example.

    Raises:
        DataError: EP-313.
    """
    missing = [number for number in range(count) if number not in given]
    if not missing:
        return
    place = "train" if raw.splits["test"].cut else "train nor in test"
    what = f"{raw.where}: {_called(raw, missing)} does not occur in {place}"
    if raw.class_names:
        raise DataError("EP-313", what, "give examples of it, or take its name out of the class names")
    first = "0, 1, 2, … without gaps" if missing[0] else "from 0"
    raise DataError("EP-313", what, f"number the classes {first}; the labels go from {min(given)} to {max(given)}")


def _absent(raw: RawData, name: str, missing: list[int]) -> DataError:
    """A class that one of the data's own splits lacks."""
    other = "test" if name == "train" else "train"
    labels = raw.splits[other].numbers()
    count = 0 if labels is None else int((labels == missing[0]).sum())
    origin = f" ({raw.splits[name].origin})" if raw.splits[name].origin else ""
    what = (
        f"{raw.where}: {_called(raw, missing)} does not occur in {name}{origin}, a split of the data's own; {other} has {count}"
    )
    hint = f"add {name} examples of it"
    return DataError("EP-313", what, hint if name == "train" else f"{hint}, or give no test split: one is cut from train then")


def _called(raw: RawData, missing: list[int]) -> str:
    title = f" ({raw.class_names[missing[0]]})" if raw.class_names else ""
    others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"class {missing[0]}{title}{others}"


def _classes(split: RawSplit) -> set[int] | None:
    labels = split.numbers()
    return None if labels is None else {int(value) for value in np.unique(labels)}


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"


def _type_name(dtype: np.dtype[Any]) -> str:
    return {"O": "Python objects", "U": "strings", "S": "byte strings", "c": "complex numbers", "M": "dates"}.get(
        dtype.kind, str(dtype)
    )
