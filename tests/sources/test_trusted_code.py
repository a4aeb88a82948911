"""Code of a trusted model file runs, and can act on nothing: each file here tries to, and fails in one clear line."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgepack.ground.cache import Cache
from edgepack.ground.errors import ModelError
from edgepack.ground.progress import SilentProgress
from edgepack.sources import SourceModel, load_model, open_keras, trusted
from edgepack.sources.keras.frameworks import import_tf_keras
from edgepack.sources.keras.store import read_untrusted_index, stored_hash
from edgepack.workers.confinement import landlock, seccomp
from tests.sources.conftest import MakeProject
from tests.sources.hostile import layer, plain, save_changed, save_with_code

QUIET = SilentProgress()
pytestmark = pytest.mark.skipif(not seccomp.available() or not landlock.version(), reason="this system offers no confinement")

Opened = Callable[..., SourceModel]
Refused = Callable[..., ModelError]


@pytest.fixture
def opened(folder: Path, cache: Cache, project: MakeProject) -> Opened:
    """Load a trusted model that runs these lines."""

    def load(body: str, name: str = "m.h5", **settings: object) -> SourceModel:
        save_with_code(folder / name, body)
        return load_model(project(model=name, trust=True, **settings), cache, QUIET)

    return load


@pytest.fixture
def refused(opened: Opened, cache: Cache) -> Refused:
    """The same, which must fail in one line with something to do, and leave nothing in the cache."""

    def load(body: str, name: str = "m.h5", **settings: object) -> ModelError:
        with pytest.raises(ModelError) as error:
            opened(body, name, **settings)
        assert name in str(error.value) and "\n" not in str(error.value)
        assert error.value.hint
        assert not [entry for entry in cache.folder.glob("*") if entry.is_dir()], "something was left in the cache"
        return error.value

    return load


def test_a_connection_is_refused_and_nobody_hears_of_it(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        error = refused(f"import socket\nsocket.create_connection(('127.0.0.1', {port}))", "m.keras")
        with pytest.raises(TimeoutError):
            server.accept()
    assert (error.code, "Operation not permitted" in str(error)) == ("EP-241", True)


def test_what_a_file_does_in_secret_has_no_effect(folder: Path, tmp_path: Path, opened: Opened) -> None:
    """Each deed is tried, and its failure swallowed: the model is of use, and the machine is as it was."""
    precious, pid = folder / "precious", os.getpid()
    precious.write_text("thesis")
    deeds = [
        f"open({str(tmp_path / 'written')!r}, 'w')",
        f"open({str(precious)!r}, 'w')",
        f"os.unlink({str(precious)!r})",
        f"os.chmod({str(precious)!r}, 0)",
        f"os.kill({pid}, 15)",
        f"subprocess.run(['touch', {str(tmp_path / 'touched')!r}])",
        "socket.socket(socket.AF_UNIX)",
        f"with tf.init_scope(): tf.io.write_file({str(tmp_path / 'by tensorflow')!r}, 'x')",
    ]
    body = "import os, socket, subprocess\nimport tensorflow as tf\ndone = 0\n"
    body += "".join(f"try:\n    {deed}\n    done += 1\nexcept Exception:\n    pass\n" for deed in deeds)
    source = opened(f"{body}x = x + done\nopen('scratch', 'w').write('x')")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "my project's"]
    assert (precious.read_text(), precious.stat().st_mode & 0o777) == ("thesis", 0o644)
    assert source.notes[0].startswith("the model file's own code was run: trust = true")
    assert "layer act is a Lambda" in source.notes[0]
    assert source.notes[0].endswith("runs again when the model is trained or converted, without that process's limits")


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        ("open(__import__('os').path.expanduser('~') + '/../written', 'w')", "Permission denied"),
        ("import tensorflow as tf\nwith tf.init_scope(): tf.io.write_file('/by tensorflow', 'x')", "denied"),
    ],
    ids=["file", "tensorflow"],
)
@pytest.mark.slow
def test_every_refusal_is_told_from_a_damaged_file(deed: str, said: str, refused: Refused) -> None:
    error = refused(deed)
    assert (error.code, said in str(error)) == ("EP-241", True), str(error)


@pytest.mark.slow
def test_code_in_a_file_of_weights_acts_on_nothing_either(folder: Path, cache: Cache, project: MakeProject) -> None:
    (folder / "model.py").write_text(
        "import tf_keras\ndef build():\n    layers = tf_keras.layers\n"
        "    return tf_keras.Sequential([layers.Input((4,)), layers.Dense(2)])\n"
    )
    deed = f"open({str(folder / 'written')!r}, 'w')"
    for body, seconds, code in ((deed, 60.0, "EP-241"), ("while True:\n    pass", 2.0, "EP-239")):
        save_with_code(folder / "donor.keras", body)
        with pytest.raises(ModelError, match=r"donor\.keras") as error:
            load_model(project(weights="donor.keras", trust=True, max_load_time=seconds), cache, QUIET)
        assert error.value.code == code
    assert not (folder / "written").exists()


@pytest.mark.slow
def test_memory_without_end_is_not_given(refused: Refused) -> None:
    own = "held = []\nwhile True:\n    held.append(bytearray(1 << 26))"
    shared = "import mmap\nheld = []\nwhile True:\n    held.append(mmap.mmap(-1, 1 << 26))\n    held[-1].write(b'x' * (1 << 26))"
    for body in (own, shared):
        error = refused(body, max_load_memory=1 << 30)
        assert error.code == "EP-238", str(error)
        assert "1 GiB of memory" in str(error) and "max_load_memory" in error.hint


@pytest.mark.slow
def test_a_disk_is_not_filled(refused: Refused) -> None:
    body = "import time\nfor name in range(64):\n    open(str(name), 'wb').write(bytes(1 << 26))\ntime.sleep(60)"
    error = refused(body, max_load_memory=1 << 28)
    assert (error.code, "fills the disk" in str(error)) == ("EP-240", True)


def test_time_without_end_is_not_given(refused: Refused) -> None:
    error = refused("while True:\n    pass", max_load_time=2.0)
    assert (error.code, "within 2 s" in str(error), "max_load_time" in error.hint) == ("EP-239", True, True)


@pytest.mark.slow
@pytest.mark.parametrize("end", ["os.abort()", "os.write(1, b'EDGEPACK-RESULT\\n{}\\nEDGEPACK-END\\n'); os._exit(0)"])
def test_a_process_that_ends_without_a_model_is_told(end: str, refused: Refused) -> None:
    assert refused(f"import os\n{end}").code == "EP-240"


def test_the_process_cannot_pass_its_model_off_as_another(opened: Opened) -> None:
    """A hash that the file's code forged would let what is made of it be taken for another model's, from the cache."""
    forge = "from edgepack.sources.keras import store\nstore.content_hash = lambda model: '0' * 64"
    source = opened(forge)
    assert source.sha256 == stored_hash(source.file) != "0" * 64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forged", "said"),
    [
        ("store._spec = lambda tensor, name: {'name': name, 'shape': ['../..'], 'dtype': 'x'}", "cannot be read"),
        ("store._save = lambda model, file, where: (_ for _ in ()).throw(ValueError('no'))", "gave no model: no"),
        ("store.store_model.__globals__['canonical_json'] = lambda index: b'[' * 5000", "cannot be read"),
    ],
    ids=["types", "nothing", "nesting"],
)
def test_what_comes_back_is_checked(forged: str, said: str, refused: Refused) -> None:
    error = refused(f"from edgepack.sources.keras import store\n{forged}")
    assert (error.code, said in str(error)) == ("EP-240", True), str(error)


def test_what_a_system_cannot_keep_off_is_said() -> None:
    used = ModelError("EP-223", "m.h5: layer act is a Lambda")
    assert "cannot" not in trusted._note(used, False, ("network", "writing"))
    network_left = trusted._note(used, False, ("writing",))
    assert network_left.endswith("a process of its own, which this system cannot keep from using the network")
    assert "from using the network nor from writing elsewhere; what is left" in trusted._note(used, True, ())


def test_the_hash_of_a_stored_model_covers_layers_and_weights_only(tmp_path: Path) -> None:
    model = plain(import_tf_keras())
    files = [tmp_path / f"{name}.h5" for name in ("first", "again", "trained", "changed")]
    for file in files[:2]:
        model.save(file)
    model.layers[1].set_weights([weight + 1 for weight in model.layers[1].get_weights()])
    model.save(files[2])
    model.get_layer("last").activation = import_tf_keras().activations.tanh
    model.save(files[3])
    first, again, trained, changed = map(stored_hash, files)
    assert first == again and len({first, trained, changed}) == 3


def test_a_description_that_a_process_handed_back_is_taken_by_its_form_only(tmp_path: Path) -> None:
    tensor = {"name": "x", "shape": [None, 4], "dtype": "float32"}
    good = {"parameters": 3, "notes": ["said"], "inputs": [tensor], "outputs": [tensor]}
    file = tmp_path / "model.json"
    file.write_text(json.dumps({**good, "sha256": "forged", "more": 1}))
    assert read_untrusted_index(file) == good
    changes = [{"parameters": "3"}, {"notes": [3]}, {"inputs": {}}, {"outputs": [{**tensor, "shape": ["a"]}]}]
    for change in [*changes, {"inputs": [{**tensor, "dtype": "object"}]}, {"inputs": [{**tensor, "name": None}]}]:
        file.write_text(json.dumps({**good, **change}))
        with pytest.raises(ValueError, match="does not describe"):
            read_untrusted_index(file)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["m.h5", "three.keras"])
def test_a_harmless_description_of_a_model_without_end_is_refused(
    name: str, folder: Path, cache: Cache, project: MakeProject
) -> None:
    """No code and no trust: layers that ask for more memory than there is."""
    save_changed(folder / name, lambda config: layer(config, "first")["config"].update(units=10**9))
    with pytest.raises(ModelError) as error:
        load_model(project(model=name, max_load_memory=1 << 30), cache, QUIET)
    assert (error.value.code, "max_load_memory" in error.value.hint) == ("EP-238", True)


@pytest.mark.slow
def test_a_trusted_model_trains_like_any_other(opened: Opened) -> None:
    model = open_keras(opened("x = x * 2.0"))
    model.compile("sgd", "mse")
    before = model.get_weights()[0].copy()
    model.fit(np.ones((4, 4), np.float32), np.ones((4, 2), np.float32), verbose=0)
    assert not np.array_equal(model.get_weights()[0], before)
