"""A disk that is full while a model or a teacher's answers are written is an error, not the end of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_disk import small_disk

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from edgepack.compress.named import write_outputs
from edgepack.ground.progress import SilentProgress
from edgepack.sources import Split, import_tf_keras
from edgepack.sources.keras.store import reopen, save_h5

disk = Path(sys.argv[1])
layers = import_tf_keras().layers

def net(width):
    return import_tf_keras().Sequential([layers.Input((4,)), layers.Dense(width)])

def refused(act):
    try:
        act()
    except OSError as error:
        return error.strerror
    finally:
        for file in disk.iterdir():
            file.unlink()

print(refused(lambda: save_h5(net(100_000), disk / "model.h5")))
with SilentProgress().stage("") as task:
    split = Split((np.zeros((2000, 4), np.float32),), None)
    print(refused(lambda: write_outputs(net(500), split, disk / "outputs.npy", task)))
small = net(3)
save_h5(small, disk / "model.h5")
print(np.array_equal(reopen(disk / "model.h5", {}).get_weights()[0], small.get_weights()[0]))
"""


@pytest.mark.slow
def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        done = subprocess.run([sys.executable, "-c", PROGRAM, str(disk)], capture_output=True, text=True, timeout=600)
    full = "No space left on device"
    assert (done.returncode, done.stdout.splitlines()) == (0, [full, full, "True"]), done.stderr[-2000:]
