"""Running a project's `def build()` for its Keras model."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgepack.ground.errors import ModelError
from edgepack.sources.data.dataset import DataFacts
from edgepack.sources.keras.config import refuse_lambda
from edgepack.sources.keras.custom_objects import DEFAULT_NAME, objects_of
from edgepack.sources.keras.files import OpenedModel
from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras
from edgepack.sources.user_code import FunctionSource, user_module

Use = Callable[[OpenedModel, Mapping[str, Any]], None]


def build_model(source: FunctionSource, folder: Path, seed: int, facts: DataFacts | None, use: Use) -> None:
    """Call the function and hand its model, with the module's CUSTOM_OBJECTS, to `use`.

    A function with a parameter is given the sizes of the data: `def build(data)`.
    Random numbers and layer numbering start anew, so that the same code gives the same names and initial weights.

    Raises:
        ModelError: EP-226 for a file or function that is not there, EP-227 when it fails (with its file and line), EP-228 when
            it returns no Keras model, EP-234 for a model without a known input shape, EP-223 for a Lambda layer.
    """
    where = source.file.name

    def failed(reason: str) -> ModelError:
        return ModelError("EP-227", f"{source.function}() of {where} failed: {reason}", f"correct {where}")

    if not source.file.is_file():
        raise ModelError("EP-226", f"there is no file {where} in the project", "check [model] source in edgepack.toml")
    import_tf_keras()
    with user_module(source.file, folder, failed) as module:
        function = getattr(module, source.function, None)
        if not callable(function):
            defined = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
            near = difflib.get_close_matches(source.function, defined, 1)
            hint = f"did you mean {near[0]}?" if near else f"define def {source.function}(), or correct [model] source"
            raise ModelError("EP-226", f"{where} has no function {source.function}", hint)
        _start_anew(seed)
        opened = checked_model(_call(function, source, facts), f"{source.function}() of {where}")
        objects = objects_of(module, DEFAULT_NAME, f"{where}:{DEFAULT_NAME}") if hasattr(module, DEFAULT_NAME) else {}
    use(opened, objects)


def _call(function: Callable[..., Any], source: FunctionSource, facts: DataFacts | None) -> Any:
    required = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if not required:
        return function()
    where = f"{source.function}() of {source.file.name}"
    if len(required) > 1:
        hint = "write def build(), or def build(data) to be given the data's sizes"
        raise ModelError("EP-227", f"{where} wants {len(required)} arguments", hint)
    if facts is None:
        hint = "set [data] source or give --data, or write def build() without a parameter"
        raise ModelError("EP-227", f"{where} wants the data's sizes, and there is no data", hint)
    return function(facts)


def _start_anew(seed: int) -> None:
    """Seed every random number and restart the numbers in layer names, for both generations."""
    tf_keras = import_tf_keras()
    tf_keras.backend.reset_uids()
    tf_keras.utils.set_random_seed(seed)
    if "keras" in sys.modules:
        keras = import_keras3()
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)


def checked_model(result: Any, where: str) -> OpenedModel:
    """A Keras model that somebody's code returned; `where` begins the messages: "build() of model.py".

    Raises:
        ModelError: EP-228 for anything else, EP-234 for a model without a known input shape, EP-223 for a Lambda layer.
    """
    tf_keras = import_tf_keras()
    if isinstance(result, tf_keras.Model):
        generation = 2
    elif "keras" in sys.modules and isinstance(result, import_keras3().Model):
        generation = 3
    else:
        hint = "end it with return model" if result is None else "return a tf_keras.Model or a keras.Model"
        raise ModelError("EP-228", f"{where} returned {_type_name(result)}, not a Keras model", hint)
    if not result.built or not _has_inputs(result):
        raise ModelError(
            "EP-234", f"{where} returned a model whose input shape is not known", "begin it with Input(shape=…), or an InputLayer"
        )
    for layer in result._flatten_layers(include_self=False):
        refuse_lambda(type(layer).__name__, layer.name, where)
    return OpenedModel(result, generation)


def _has_inputs(model: Any) -> bool:
    try:
        return bool(model.inputs)
    except (AttributeError, ValueError):
        return False


def _type_name(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")
