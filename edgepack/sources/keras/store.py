"""A model as it is kept in the cache: a Keras 2 .h5, checked to compute what the original does, and an index of facts."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgepack.ground.errors import EdgepackError, ModelError
from edgepack.ground.files import canonical_json
from edgepack.sources.keras.compare import largest_difference
from edgepack.sources.keras.config import check_own_layers
from edgepack.sources.keras.files import OpenedModel
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.keras3.rebuild import rebuild
from edgepack.sources.keras.keras3.substitutes import left_out
from edgepack.sources.keras.precision import has_half_precision, in_float32
from edgepack.sources.keras.weights import load_weights

# How far a rebuilt or stored model's outputs may be from the original's, as a share of the largest output: rounding in a deep
# network of float32 layers, and in one of half precision. A layer that means something else is off by more.
_TOLERANCE = 1e-3
_HALF_TOLERANCE = 2e-2
_WRITE_ANEW = "write the model with tf_keras in model.py and load the weights"


def store_model(
    opened: OpenedModel,
    objects: Mapping[str, Any],
    weights: Path | None,
    target: Path,
    where: str = "the built model",
    trust: bool = False,
) -> None:
    """Bring a model to Keras 2, load weights, write model.h5 and model.json, and check that what was written computes the same.

    `trust` lets the file of weights run its own code.

    Raises:
        ModelError: EP-224, EP-229 and EP-233 for a model that cannot be stored, and what bringing it to Keras 2 and loading
            weights say of it.
    """
    notes = list(opened.notes)
    model = rebuild(opened.model, where, objects) if opened.generation == 3 else opened.model
    if opened.generation == 3:
        difference = _agreement(opened.model, model, where)
        notes.append(f"rebuilt from Keras 3 with Keras 2; outputs for random inputs differ by {difference}")
        dropped = sorted(left_out(opened.model))
        if dropped:
            notes.append(f"left out, since they work only while training and Keras 2 lacks them: {', '.join(dropped)}")
    check_own_layers(model, where, objects)
    if has_half_precision(model):
        model = in_float32(model, objects)
        notes.append("the model's half precision was brought to float32")
    if weights is not None:
        notes += load_weights(model, weights, objects, trust)
    model = _flat_model(model)
    _save(model, target / "model.h5", where)
    _agreement(model, reopen(target / "model.h5", objects), where)
    index = {
        "sha256": content_hash(model),
        "parameters": int(model.count_params()),
        "notes": notes,
        "inputs": [_spec(tensor, name) for tensor, name in zip(model.inputs, model.input_names, strict=True)],
        "outputs": [_spec(tensor, name) for tensor, name in zip(model.outputs, model.output_names, strict=True)],
    }
    (target / "model.json").write_bytes(canonical_json(index))


def reopen(file: Path, objects: Mapping[str, Any]) -> Any:
    """The model in a stored model.h5, not compiled.

    Raises:
        ModelError: EP-224 when it needs classes that `objects` lacks.
    """
    try:
        return import_tf_keras().models.load_model(file, custom_objects=dict(objects), compile=False)
    except EdgepackError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            "EP-224",
            f"the model cannot be opened again after storing: {' '.join(str(error).split())[:200]}",
            "list every class and function of your own in CUSTOM_OBJECTS in model.py, and give your layers a get_config()",
        ) from error


def _agreement(first: Any, second: Any, where: str) -> str:
    """How far two models that should be the same are apart, as text.

    Raises:
        ModelError: EP-233 when they are not the same.
    """
    try:
        difference = largest_difference(first, second)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError("EP-233", f"{where}: the model brought to Keras 2 does not run: {reason}", _WRITE_ANEW) from error
    if difference is None:
        return "an amount that was not measured: the model takes no random input"
    half = any("16" in str(getattr(layer, "compute_dtype", "")) for layer in first.layers)
    if not difference <= (_HALF_TOLERANCE if half else _TOLERANCE):
        raise ModelError(
            "EP-233",
            f"{where}: the model brought to Keras 2 differs from the original by {difference:.2g} on random inputs",
            f"a layer means something else in Keras 2; {_WRITE_ANEW}",
        )
    return f"at most {difference:.1e}"


def _flat_model(model: Any) -> Any:
    """A model whose inputs and outputs are lists rather than dicts; the layers are the same objects."""
    if isinstance(getattr(model, "input", None), dict) or isinstance(getattr(model, "output", None), dict):
        return import_tf_keras().Model(list(model.inputs), list(model.outputs), name=model.name)
    return model


def _save(model: Any, file: Path, where: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(file, save_format="h5", include_optimizer=False)
    except NotImplementedError as error:
        if "HDF5" in str(error):
            raise ModelError(
                "EP-229",
                f"{where}: {type(model).__name__} is a subclassed model, whose layers are connected by Python code",
                "build the model with the functional API: Model(inputs, outputs)",
            ) from error
        raise _unstorable(where, error) from error
    except (TypeError, ValueError, RuntimeError) as error:
        raise _unstorable(where, error) from error


def _unstorable(where: str, error: Exception) -> ModelError:
    reason = " ".join(str(error).split())[:200]
    hint = "give your layers a get_config() of plain values, and their weights names of their own"
    return ModelError("EP-224", f"{where}: a layer cannot be stored: {reason}", hint)


def content_hash(model: Any) -> str:
    """SHA-256 of the layers' configuration and the weights."""
    digest = hashlib.sha256()
    digest.update(json.dumps(json.loads(model.to_json())["config"], sort_keys=True).encode())
    for weight in model.get_weights():
        digest.update(str((weight.dtype.str, weight.shape)).encode())
        digest.update(weight.tobytes())
    return digest.hexdigest()


def _spec(tensor: Any, name: str) -> dict[str, Any]:
    return {"name": name, "shape": list(tensor.shape)[1:], "dtype": tensor.dtype.name}
