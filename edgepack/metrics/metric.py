"""What "accuracy" means for a project: from a model's real-valued outputs and the labels to one number."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.ground.errors import EdgepackError, ProjectError
from edgepack.ground.files import hash_of, sha256_file
from edgepack.metrics.reading import Reading, answers_positions, several_labels
from edgepack.metrics.rows import Inputs, Outputs
from edgepack.metrics.scores import CLASS_SCORES, LOWER_IS_BETTER, VALUE_SCORES, Score, top


@dataclass(frozen=True)
class Metric:
    """A named figure of merit.

    `score(outputs, labels, inputs, reading)` takes the model's outputs (each batch first, dequantised), the labels (batch first,
    or None for a model that reproduces its input), the inputs, and how the first output is to be read; it returns one number.
    `source` is the hash of the user's code behind it, so that results are computed again when that code changes. `proportion`:
    a share of right answers. `reading` is a certain model's; None reads probabilities, and asks the labels whether there are
    several an example. `cut` is the project's own threshold.
    """

    name: str
    higher_is_better: bool
    score: Score
    source: str = ""
    proportion: bool = False
    reading: Reading | None = None
    cut: float | None = None

    def of(self, reading: Reading) -> Metric:
        """This metric for a model whose outputs are to be read so."""
        return replace(self, reading=reading)

    def read(self, outputs: Outputs, labels: NDArray[Any] | None) -> Reading:
        """How these outputs are read."""
        if self.reading is not None:
            return self.reading
        return Reading(multilabel=several_labels([] if labels is None else [labels], outputs[0].shape[1:]), cut=self.cut)

    def key(self) -> dict[str, Any]:
        """What its figures depend on besides outputs and labels, for a cache."""
        return {
            "metric": self.name,
            "metric_source": self.source,
            "reading": None if self.reading is None else self.reading.key(),
            "cut": self.cut,
        }

    def compute(self, outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> float:
        """The metric.

        Raises:
            DataError: EP-308, EP-310, EP-311, EP-312 or EP-322 where it cannot be computed from such labels.
            ModelError: EP-329 where an output is no number.
            ProjectError: EP-161 from the user's own function.
        """
        return self.score(outputs, labels, inputs, self.read(outputs, labels))

    def interval(self, outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs) -> tuple[float, float] | None:
        """Where the metric lies with 95 % confidence, for the size of this test set; see `edgepack.metrics.confidence`."""
        from edgepack.metrics.confidence import bootstrap_interval, wilson_interval

        # The positions of one example are right or wrong together; resampling whole examples accounts for that.
        read = self.of(self.read(outputs, labels))
        if self.proportion and not (labels is not None and answers_positions(labels.shape, outputs[0].shape)):
            count = len(outputs[0])
            return wilson_interval(round(read.compute(outputs, labels, inputs) * count), count)
        return bootstrap_interval(read.compute, outputs, labels, inputs)

    def drop(self, before: float, after: float) -> float:
        """How much worse `after` is than `before`, in the metric's own unit; negative when it is better."""
        return before - after if self.higher_is_better else after - before


def load_metric(spec: str, folder: Path, cut: float | None = None) -> Metric:
    """The metric named in a project: one of `scores`, top_k (top_5, …), or "module:function".

    f1, precision and recall are means over the classes or labels (macro); f1_micro, precision_micro and recall_micro count every
    example alike. Where labels say a class for each position of an example (a pixel, a step in time), positions are counted.
    `cut` is the project's own threshold for an output that answers yes or no.

    "module:function" names a function `(outputs, labels, inputs) -> float` in a Python file of the project folder; its
    result counts as better when higher, unless the function has an attribute `higher_is_better = False`.

    Raises:
        ProjectError: EP-160 for an unknown name, or a function that cannot be found; EP-161 when its file cannot be run, or,
            from `compute`, when the function raises something or returns no finite number.
    """
    if ":" in spec:
        return replace(_user_metric(spec, folder), cut=cut)
    name = spec.lower().replace("-", "_")
    if name.startswith("top_"):
        return Metric(name, True, top(5 if name == "top_k" else _top_count(name)), proportion=True, cut=cut)
    known = CLASS_SCORES | VALUE_SCORES
    if name not in known:
        raise ProjectError(
            "EP-160",
            f"unknown metric {spec!r}",
            f"use one of {', '.join(sorted(known))}, top_k, or module:function of a file in the project folder",
        )
    return Metric(name, name not in LOWER_IS_BETTER, known[name], proportion=name == "accuracy", cut=cut)


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

    def score(outputs: Outputs, labels: NDArray[Any] | None, inputs: Inputs, reading: Reading) -> float:
        with user_module(path, folder, failed) as module:
            # Arrays whose arithmetic does not wrap around at 255, however narrow they are stored.
            whole = labels if labels is None or labels.dtype.kind not in "iub" else np.asarray(labels, np.int64)
            value = float(getattr(module, function_name)(outputs, whole, tuple(np.asarray(array) for array in inputs)))
        if not math.isfinite(value):
            raise failed(f"{function_name} returned {value}")
        return value

    return Metric(function_name, higher, score, hash_of([sha256_file(file) for file in source_files(path, folder)]))
