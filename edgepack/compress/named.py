"""Models that a recipe names: a teacher to learn from, a student to begin with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgepack.compress.keras.models import batches, model_inputs, predict_batch
from edgepack.compress.stored import open_stored
from edgepack.ground.cache import Cache
from edgepack.ground.errors import EdgepackError, RecipeError
from edgepack.ground.progress import Progress, Task
from edgepack.project.types import DataSettings, Project
from edgepack.sources import Dataset, SourceModel, Split, load_model

FLOAT = "float"


@dataclass(frozen=True)
class NamedModel:
    """A model that an option names, flat as the steps need it, in the cache.

    `outputs` are a teacher's first outputs for the training split, memory-mapped, where they were computed before.
    """

    name: str
    source: SourceModel
    file: Path
    sha256: str
    outputs: NDArray[Any] | None = None

    def open(self) -> Any:
        """The Keras model."""
        return open_stored(self.source, self.file)


def load_named(setting: str, option: str, source: SourceModel, data: Dataset, cache: Cache, progress: Progress) -> SourceModel:
    """The model that `option` ("teacher" or "student") names, with the inputs and the output of the model `source`.

    `setting` is a file in the project folder or "model.py:function", everything that [model] source may be but a .tflite.

    Raises:
        RecipeError: EP-418 when it is no Keras model, its inputs or first output have other shapes, or it has layers of its own
            that the project's custom objects do not list.
        ModelError: EP-220 … EP-235 when it cannot be loaded.
    """
    where = f"{option} {setting!r}"
    settings = replace(source.settings, source=setting, weights=None, custom_objects=source.custom_objects)
    project = Project(source.folder, source.folder / "edgepack.toml", option, settings, DataSettings())
    try:
        found = load_model(project, cache, progress, data)
    except EdgepackError as error:
        hint = error.hint.replace("[model] source", option)
        raise type(error)(error.code, f"{where}: {error}", hint) from error
    if found.kind != "keras":
        raise RecipeError("EP-418", f"{where}: a .tflite cannot be a {option}", "give the Keras model it was made from")
    for what, theirs, ours in (("inputs", found.inputs, source.inputs), ("first output", found.outputs[:1], source.outputs[:1])):
        if len(theirs) != len(ours) or not all(map(_fits, theirs, ours)):
            shapes = [", ".join(_text(spec.shape) for spec in specs) for specs in (theirs, ours)]
            raise RecipeError(
                "EP-418",
                f"{where}: its {what} {shapes[0]}, the model's {shapes[1]}",
                f"give a {option} that takes the same data and answers the same question",
            )
    if found.custom_objects not in (None, source.custom_objects):
        raise RecipeError(
            "EP-418",
            f"{where} has custom objects of its own, {found.custom_objects}",
            f"list its layers in {source.custom_objects or 'CUSTOM_OBJECTS of the file that builds the model'} too",
        )
    return found


def write_outputs(model: Any, split: Split, file: Path, task: Task) -> None:
    """Write a Keras model's first output for every example of `split` to an .npy, float32, batch by batch."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def run(inputs: Any) -> Any:
        results = model(inputs, training=False)
        return results[0] if isinstance(results, list | tuple) else results

    shape = (len(split), *(int(size) for size in model.outputs[0].shape[1:]))
    with file.open("wb") as out:  # not a writable map: on a full disk it ends the process with SIGBUS
        header = {"descr": np.dtype(np.float32).str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(out, header)  # type: ignore[no-untyped-call]
        for part in batches(len(split), predict_batch(model)):
            out.write(np.asarray(run(model_inputs(model, split, part)), np.float32).tobytes())
            task.update(part.stop, len(split), f"asking the teacher about {len(split)} training examples")


def _fits(theirs: Any, ours: Any) -> bool:
    return len(theirs.shape) == len(ours.shape) and all(
        a == b or None in (a, b) for a, b in zip(theirs.shape, ours.shape, strict=True)
    )


def _text(shape: tuple[int | None, ...]) -> str:
    return "x".join("any" if size is None else str(size) for size in shape) or "scalar"
