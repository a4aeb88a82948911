"""What a form of delivery is, and what may be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _nobody(text: str) -> None:
    """Where notes go when nobody listens."""


@dataclass(frozen=True)
class ImageSigner:
    """A key that signs images: its number (8 bytes), the public key (32), and what gives both number and signature (72)."""

    number: bytes
    key: bytes
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True)
class Options:
    """What `edgepack export` may be told besides the model, the form, its name and its folder; a form takes what concerns it.

    `cpu` and `board` are the names of a core and a board, None for a form's own default. `runtime` is what a package holds: "c",
    the generated code, or "tflm", the model for TensorFlow Lite Micro. `overlay_input`: the input of generated code lies in the
    arena. `coding` says which weights are in codes, as for `compile_model` (TensorFlow Lite Micro: "off", or anything else for
    its own codes); None is the runtime's default. `encrypt` is the file with the key that encrypts generated C's constants.
    `version` is a package's. `class_names` and `preprocessing` are what is known of the data. Images have a number that grows,
    `image_version`; `program` is the linked program that holds the model and is the image's content, `base` the image of the
    release before. `key_file` is the key of --sign, `signer` what was read of it for a form that signs as minisign does. `note`
    is told what is worth knowing of the result.
    """

    cpu: str | None = None
    board: str | None = None
    optimize: str = "balanced"
    overlay_input: bool = False
    version: str = "1.0.0"
    runtime: str = "c"
    coding: str | None = None
    encrypt: Path | None = None
    class_names: tuple[str, ...] = ()
    preprocessing: Mapping[str, object] = field(default_factory=dict)
    image_version: int | None = None
    program: Path | None = None
    base: Path | None = None
    key_file: Path | None = None
    signer: ImageSigner | None = None
    note: Callable[[str], None] = _nobody

    @property
    def c_coding(self) -> str:
        """`coding` for generated C: what is worth it, where nothing is said."""
        return self.coding or "auto"

    @property
    def tflm_coding(self) -> bool:
        """Whether the model for TensorFlow Lite Micro has its weights in codes: only where somebody asks."""
        return self.coding not in (None, "off")


@dataclass(frozen=True)
class Form:
    """One form: its name after `--as`, what it is, and the function that writes it: (.tflite, name, folder, options) -> files.

    The name is a C identifier; in a form that does not hold the model, the one that the project is deployed under. `tflm`:
    whether it can hold the model for TensorFlow Lite Micro, `c` whether it can hold generated C, `encrypts` whether that
    may have its constants encrypted: somebody else's code calls it, and decrypts. `signs`: whether it is an image that a key
    signs; `minisign`: one of minisign's. `check` refuses options before a model is built.
    """

    name: str
    describe: str
    write: Callable[[Path, str, Path, Options], tuple[Path, ...]]
    holds_model: bool = True
    tflm: bool = False
    c: bool = False
    encrypts: bool = False
    signs: bool = False
    check: Callable[[Options], None] = lambda options: None
    minisign: bool = False
