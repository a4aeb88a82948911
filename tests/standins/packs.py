"""Small packs to deploy: a convolution of a few hundred bytes, and as much ballast as a test needs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from edgepack.pack import Pack, PackInfo, write_pack
from tests.flatbuffer.build import conv_model


def conv_pack(folder: Path, name: str = "conv", title: str = "", ballast: int | bytes = 0, seed: int | None = None) -> Pack:
    """A pack of a model of one convolution; `seed` gives it other weights, `title` another manifest, `ballast` a file of so many
    random bytes, or of these.
    """
    changes = {} if seed is None else {"data": np.random.default_rng(seed).integers(-127, 128, (3, 3, 3, 2))}
    model = folder.with_suffix(".tflite")
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(conv_model(**changes))
    content = os.urandom(ballast) if isinstance(ballast, int) else ballast
    files = {"extra/ballast $(id) 'x'.bin": content} if content else {}
    return write_pack(folder, name, model, info=PackInfo(title=title, files=files))
