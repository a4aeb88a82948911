"""What "accuracy" means for a project: from a model's real-valued outputs and the labels to one number."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import DataError, EdgepackError, ProjectError
from edgepack.ground.files import hash_of, sha256_file

if TYPE_CHECKING:
    from edgepack.sources import Examples

Outputs = tuple[NDArray[Any], ...]
Inputs = tuple["Examples", ...]
Compute = Callable[[Outputs, "NDArray[Any] | None", Inputs], float]


@dataclass(frozen=True)
class Metric:
    """A named figure of merit.

    `compute(outputs, labels, inputs)` takes the model's outputs (each batch first, dequantised), the labels (batch first,
    or None for a model that reproduces its input) and the inputs, and returns one number. `source` is the hash of the user's
    code behind it, so that results are computed again when that code changes. `proportion`: a share of right answers.
    """

    name: str
    higher_is_better: bool
    compute: Compute
    source: str = ""
    proportion: bool = False

    def interval(self, outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> tuple[float, float] | None:
        """Where the metric lies with 95 % confidence, for the size of this test set; see `edgepack.metrics.confidence`."""
        from edgepack.metrics.confidence import bootstrap_interval, wilson_interval

        # The positions of one example are right or wrong together; resampling whole examples accounts for that.
        if self.proportion and not (labels is not None and answers_positions(labels.shape, outputs[0].shape)):
            count = len(outputs[0])
            return wilson_interval(round(self.compute(outputs, labels, inputs) * count), count)
        return bootstrap_interval(self.compute, outputs, labels, inputs)

    def drop(self, before: float, after: float) -> float:
        """How much worse `after` is than `before`, in the metric's own unit; negative when it is better."""
        return before - after if self.higher_is_better else after - before


def load_metric(spec: str, folder: Path) -> Metric:
    """The metric named in a project: accuracy, top_k (top_5, …), f1, precision, recall, auc, mse or "module:function".

    f1, precision and recall are means over the classes (macro); f1_micro, precision_micro and recall_micro count every example
    alike. Where labels say a class for each position of an example (a pixel, a step in time), positions are counted.

    "module:function" names a function `(outputs, labels, inputs) -> float` in a Python file of the project folder; its
    result counts as better when higher, unless the function has an attribute `higher_is_better = False`.

    Raises:
        ProjectError: EP-160 for an unknown name, or a function that cannot be found; EP-161 when its file cannot be run, or,
            from `compute`, when the function raises something or returns no finite number.
    """
    if ":" in spec:
        return _user_metric(spec, folder)
    name = spec.lower().replace("-", "_")
    if name.startswith("top_"):
        count = 5 if name == "top_k" else _top_count(name)
        return Metric(name, True, lambda outputs, labels, inputs: _top_k(*_rows(outputs, labels), count), proportion=True)
    if name not in _METRICS:
        raise ProjectError(
            "EP-160",
            f"unknown metric {spec!r}",
            f"use one of {', '.join(sorted(_METRICS))}, top_k, or module:function of a file in the project folder",
        )
    return Metric(name, name != "mse", _METRICS[name], proportion=name == "accuracy")


def _top_count(name: str) -> int:
    tail = name.removeprefix("top_")
    if not tail.isdigit() or int(tail) < 1:
        raise ProjectError("EP-160", f"unknown metric {name!r}", "write top_5 for the five best classes")
    return int(tail)


def _user_metric(spec: str, folder: Path) -> Metric:
    folder = folder.resolve()  # a traceback names whole paths
    module_name, _, function_name = spec.partition(":")
    path = folder / (module_name if module_name.endswith(".py") else f"{module_name}.py")
    if not path.is_file():
        raise ProjectError("EP-160", f"metric {spec!r}: there is no file {path.name} in the project", "check [data] metric")
    from edgepack.sources.user_code import source_files, user_module

    def failed(reason: str) -> EdgepackError:
        return ProjectError("EP-161", f"metric {spec!r}: {reason}", "correct the function; it returns one finite number")

    with user_module(path, folder, failed) as module:
        function = getattr(module, function_name, None)
        if not callable(function):
            raise ProjectError("EP-160", f"metric {spec!r}: {path.name} has no function {function_name}", "check [data] metric")
        higher = bool(getattr(function, "higher_is_better", True))

    def compute(outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> float:
        with user_module(path, folder, failed) as module:
            # Arrays whose arithmetic does not wrap around at 255, however narrow they are stored.
            whole = labels if labels is None or labels.dtype.kind not in "iub" else np.asarray(labels, np.int64)
            value = float(getattr(module, function_name)(outputs, whole, tuple(np.asarray(array) for array in inputs)))
        if not math.isfinite(value):
            raise failed(f"{function_name} returned {value}")
        return value

    return Metric(function_name, higher, compute, hash_of([sha256_file(file) for file in source_files(path, folder)]))


def _scores(outputs: Outputs) -> NDArray[Any]:
    first = outputs[0]
    return first.reshape(len(first), -1)


def _classes(labels: NDArray[Any] | None) -> NDArray[Any]:
    """Class numbers from class numbers or one-hot rows."""
    if labels is None:
        raise DataError("EP-310", "the metric needs labels and the data has none", 'give labels, or use metric = "mse"')
    return labels.argmax(axis=-1).reshape(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(-1)


def answers_positions(labels: tuple[int, ...], output: tuple[int, ...]) -> bool:
    """Whether labels of this shape say something of each position of an output (batch, positions …, channels)."""
    places = output[:-1]
    return len(output) > 2 and labels in (places, (*places, 1), output)


def _rows(outputs: Outputs, labels: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scores (rows, classes) and the class number of every row: an example, or a position of one.

    Raises:
        DataError: EP-310 without labels, EP-322 where there are more or fewer of them than rows.
    """
    first = outputs[0]
    if labels is not None and answers_positions(labels.shape, first.shape):
        one_hot = labels.shape == first.shape and first.shape[-1] > 1
        return first.reshape(-1, first.shape[-1]), (labels.argmax(axis=-1) if one_hot else labels).reshape(-1)
    scores, classes = _scores(outputs), _classes(labels)
    if labels is not None and len(scores) != len(classes):
        raise _misfit(labels, first)
    return scores, classes


def _misfit(labels: NDArray[Any], output: NDArray[Any]) -> DataError:
    label, answer = (" x ".join(map(str, array.shape[1:])) or "one value" for array in (labels, output))
    return DataError(
        "EP-322",
        f"a label is {label}, the model's output {answer}: the metric cannot compare them",
        "give a class number an example or a position of the output, or a metric of your own (module:function)",
    )


def _predicted(scores: NDArray[Any]) -> NDArray[Any]:
    return (scores[:, 0] > 0.5).astype(np.int64) if scores.shape[1] == 1 else scores.argmax(axis=1)


def confusion_matrix(outputs: Outputs, labels: NDArray[Any] | None) -> NDArray[np.int64] | None:
    """Counts of test examples by true class (row) and predicted class (column); None where the labels are no classes.

    Classes are whole-number labels, or one-hot rows; a model with one output predicts class 1 above 0.5.
    """
    if labels is None or outputs[0].ndim != 2:
        return None
    width = max(2, outputs[0].shape[1])
    one_hot = labels.ndim == 2 and labels.shape[1] == width and bool(np.all(np.isin(labels, (0, 1))))
    whole = labels.ndim == 1 or labels.shape[1:] == (1,)
    if not one_hot and not (whole and bool(np.all(labels == np.floor(labels)))):
        return None
    classes = _classes(labels).astype(np.int64)
    if not len(classes) or classes.min() < 0 or classes.max() >= width:
        return None
    pairs = classes * width + _predicted(_scores(outputs))
    return np.bincount(pairs, minlength=width * width).reshape(width, width).astype(np.int64)


def _accuracy(outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> float:
    scores, classes = _rows(outputs, labels)
    return float(np.mean(_predicted(scores) == classes))


def _top_k(scores: NDArray[Any], classes: NDArray[Any], count: int) -> float:
    best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return float(np.mean((best == classes[:, None]).any(axis=1)))


def _averaged(function_name: str, average: str) -> Compute:
    def compute(outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> float:
        import sklearn.metrics

        function = getattr(sklearn.metrics, f"{function_name}_score")
        scores, classes = _rows(outputs, labels)
        return float(function(classes, _predicted(scores), average=average, zero_division=0))

    return compute


def _auc(outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> float:
    """Area under the ROC curve; a model that reproduces its input is scored by its mean squared reconstruction error."""
    from sklearn.metrics import roc_auc_score

    scores, classes = _rows(outputs, labels)
    if len(np.unique(classes)) < 2:
        raise DataError("EP-311", "auc needs both classes in the test data", "add test examples of the missing class")
    if outputs[0].shape == inputs[0].shape and scores.shape[1] > 2 and len(scores) == len(inputs[0]):
        difference = scores - np.asarray(inputs[0]).reshape(len(scores), -1)
        return float(roc_auc_score(classes, np.mean(np.square(difference), axis=1)))
    if scores.shape[1] <= 2:
        return float(roc_auc_score(classes, scores[:, -1]))
    total = scores.sum(axis=1, keepdims=True)
    return float(roc_auc_score(classes, scores / np.where(total == 0, 1, total), multi_class="ovr"))


def _mse(outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> float:
    wanted, scores = np.asarray(inputs[0]) if labels is None else labels, _scores(outputs)
    if wanted.size != scores.size:
        raise _misfit(wanted, outputs[0])
    return float(np.mean(np.square(scores - wanted.reshape(scores.shape))))


_METRICS: dict[str, Compute] = {
    "accuracy": _accuracy,
    **{
        f"{name}{suffix}": _averaged(name, average)
        for name in ("f1", "precision", "recall")
        for suffix, average in (("", "macro"), ("_macro", "macro"), ("_micro", "micro"))
    },
    "auc": _auc,
    "mse": _mse,
}
