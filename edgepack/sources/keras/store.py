"""A model as it is kept in the cache: a Keras 2 .h5, checked to compute what the original does, and an index of facts."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgepack.ground.errors import EdgepackError, ModelError
from edgepack.ground.files import canonical_json, hash_of, write_atomic
from edgepack.ground.foreign import parse_json, read_regular
from edgepack.sources.keras.compare import largest_difference
from edgepack.sources.keras.config import check_own_layers
from edgepack.sources.keras.files import OpenedModel
from edgepack.sources.keras.frameworks import import_h5py, import_tf_keras
from edgepack.sources.keras.h5_functions import readable_functions
from edgepack.sources.keras.keras3.rebuild import rebuild
from edgepack.sources.keras.keras3.substitutes import left_out
from edgepack.sources.keras.own_layers import completed, named_configs, registered
from edgepack.sources.keras.precision import has_half_precision, in_float32
from edgepack.sources.keras.tokens import with_whole_tokens
from edgepack.sources.keras.weights import OpenDonor, load_weights, open_donor

# How far a rebuilt or stored model's outputs may be from the original's, as a share of the largest output: rounding in a deep
# network of float32 layers, and in one of half precision. A layer that means something else is off by more.
_TOLERANCE = 1e-3
_HALF_TOLERANCE = 2e-2
_LONGEST_INDEX = 1 << 20  # bytes
_TYPES = frozenset(
    {"bool", "float16", "bfloat16", "float32", "float64"} | {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
)
_WRITE_ANEW = "write the model with tf_keras in model.py and load the weights"


def store_model(
    opened: OpenedModel,
    objects: Mapping[str, Any],
    weights: Path | None,
    target: Path,
    where: str = "the built model",
    open_donor: OpenDonor = open_donor,
) -> None:
    """Bring a model to Keras 2, load weights, write model.h5 and model.json, and check that what was written computes the same.

    `open_donor` opens a file of weights that is a whole model.

    Raises:
        ModelError: EP-224, EP-229 and EP-233 for a model that cannot be stored, and what bringing it to Keras 2 and loading
            weights say of it.
    """
    notes = []
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
    whole, tokens = with_whole_tokens(model, objects)
    if tokens:
        _agreement(model, whole, where)
        model = whole
        notes.append(f"read by embeddings only, and made int32: {', '.join(tokens)}")
    if weights is not None:
        notes += load_weights(model, weights, objects, open_donor)
    model = _flat_model(model)
    with named_configs(model):
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
        with readable_functions(file) as readable:
            return import_tf_keras().models.load_model(
                readable, custom_objects=completed(registered() | dict(objects)), compile=False
            )
    except EdgepackError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        # Keras begins with the whole configuration of the layer.
        reason = " ".join(str(error).split()).rpartition("Exception encountered: ")[2]
        raise ModelError(
            "EP-224",
            f"the model cannot be opened again after storing: {reason[:200]}",
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
        save_h5(model, file)
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


def save_h5(model: Any, file: Path) -> None:
    """Write a Keras 2 model as .h5, without its optimiser.

    HDF5 puts it together in memory: where its own writing fails, on a full disk, the process ends by a signal.

    Raises:
        OSError: the file cannot be written.
    """
    with import_h5py().File(file.name, "w", driver="core", backing_store=False) as image:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(image, save_format="h5", include_optimizer=False)
        image.flush()
        write_atomic(file, image.id.get_file_image())


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


def stored_hash(file: Path) -> str:
    """SHA-256 of a stored model.h5: its configuration and its weights, read without building anything of it."""
    h5py = import_h5py()
    digest = hashlib.sha256()
    with h5py.File(file, "r") as stored:
        digest.update(hash_of(json.loads(stored.attrs["model_config"])).encode())
        found: list[Any] = []
        stored.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        for item in sorted(found, key=lambda item: str(item.name)):
            digest.update(str((item.name, item.dtype.str, item.shape)).encode())
            digest.update(item[()].tobytes())
    return digest.hexdigest()


def read_untrusted_index(file: Path) -> dict[str, Any]:
    """A model.json that another process wrote, without the hash that it gives.

    Raises:
        OSError, ValueError: it cannot be read, or does not describe a model.
    """
    index = parse_json(read_regular(file, _LONGEST_INDEX))
    if not isinstance(index, dict):
        raise ValueError("it is no object")
    found = {key: index.get(key) for key in ("parameters", "notes", "inputs", "outputs")}
    if not isinstance(found["parameters"], int) or not _all_are(found["notes"], str):
        raise ValueError("it does not describe a model")
    if not (_are_tensors(found["inputs"]) and _are_tensors(found["outputs"])):
        raise ValueError("it does not describe tensors")
    return found


def _are_tensors(values: Any) -> bool:
    return _all_are(values, dict) and all(
        isinstance(entry.get("name"), str) and _all_are(entry.get("shape"), int | None) and entry.get("dtype") in _TYPES
        for entry in values
    )


def _all_are(values: Any, kind: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def _spec(tensor: Any, name: str) -> dict[str, Any]:
    return {"name": name, "shape": list(tensor.shape)[1:], "dtype": tensor.dtype.name}
