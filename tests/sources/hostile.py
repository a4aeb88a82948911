"""Model files that try to act on the machine of whoever opens them, made from harmless ones."""

from __future__ import annotations

import codecs
import json
import marshal
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from edgepack.sources.keras.frameworks import import_keras3, import_tf_keras

Change = Callable[[dict[str, Any]], object]


def plain(keras: Any) -> Any:
    """Input, Dense named "first", Dense named "last"."""
    start = keras.Input((4,), name="start")
    return keras.Model(start, keras.layers.Dense(2, name="last")(keras.layers.Dense(3, name="first")(start)))


def save_changed(file: Path, change: Change, model: Any = None) -> None:
    """Write a model whose stored configuration went through `change`: of Keras 3 when the file's name begins with "three"."""
    keras = import_keras3() if file.name.startswith("three") else import_tf_keras()
    (plain(keras) if model is None else model).save(file)
    if file.suffix == ".keras":
        rewrite_keras(file, lambda members: members | {"config.json": _changed(members["config.json"], change)})
        return
    with h5py.File(file, "r+") as stored:
        stored.attrs["model_config"] = _changed(stored.attrs["model_config"], change)


def rewrite_keras(file: Path, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    """Write a .keras file's members again, changed."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in change(members).items():
            archive.writestr(name, content)


def _changed(text: str | bytes, change: Change) -> bytes:
    config = json.loads(text)
    change(config)
    return json.dumps(config).encode()


def layer(config: dict[str, Any], name: str) -> dict[str, Any]:
    """The stored layer of this name in a configuration of one level."""
    return next(entry for entry in config["config"]["layers"] if entry["config"]["name"] == name)


def calls(function: str, first: Any, **arguments: Any) -> Change:
    """Put a layer into the configuration that calls a TensorFlow function with constants, as soon as it is opened."""

    def change(config: dict[str, Any]) -> None:
        entry = {
            "class_name": "TFOpLambda",
            "module": "tf_keras.src.layers.core.tf_op_layer",
            "registered_name": "TFOpLambda",
            "name": "innocent",
            "config": {"name": "innocent", "function": function},
            "inbound_nodes": [["_CONSTANT_VALUE", -1, first, arguments]],
        }
        config["config"]["layers"].insert(1, entry)

    return change


def plant(folder: Path) -> Path:
    """A module `planted` in `folder`, whose import leaves a trace; it has a class for everything Keras may ask it for."""
    trace = folder / "imported"
    (folder / "planted.py").write_text(
        f"open({str(trace)!r}, 'w').close()\nfrom tf_keras.layers import *\nfrom tf_keras.initializers import *\n"
        "def relu(x):\n    return x\n"
    )
    return trace


def save_with_code(file: Path, body: str) -> None:
    """Write a model of Keras 2 with a Lambda layer named "act" that runs `body`; `x` is its input and, at the end, its output."""
    keras = import_tf_keras()
    start = keras.Input((4,))
    model = keras.Model(start, keras.layers.Dense(2)(keras.layers.Lambda(lambda x: x, name="act")(start)))
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    code = compile(f"def act(x):\n{lines}    return x\n", "act", "exec").co_consts[0]
    stored = codecs.encode(marshal.dumps(code), "base64").decode()

    save_changed(file, lambda config: layer(config, "act")["config"].update(function=[stored, None, None]), model)
