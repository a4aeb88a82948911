"""The small C libraries that count executed blocks inside the emulators, compiled for this computer at first use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from edgepack.ground.files import sha256_bytes
from edgepack.ground.seal import is_intact, seal_file
from edgepack.ground.user_cache import user_cache
from edgepack.mcu.toolchain.compilers import find_host_compiler, run_compiler

NATIVE = Path(__file__).parent / "native"


def unicorn_hook() -> Path:
    """The block hook for unicorn.

    Raises:
        ToolError: EP-602 when this computer has no C compiler.
    """
    return _build("unicorn_hook.c", ("-nostdlib",))


def qemu_plugin(api_version: int) -> Path:
    """The QEMU plugin, claiming plugin API `api_version`.

    Raises:
        ToolError: EP-602 when this computer has no C compiler.
    """
    return _build("qemu_plugin.c", (f"-DPLUGIN_API_VERSION={api_version}", "-D_POSIX_C_SOURCE=200809L"))


def _build(source: str, flags: Sequence[str]) -> Path:
    """A source of native/ as a shared library in the user's cache, named by what it was built from."""
    parts = [(NATIVE / source).read_bytes(), (NATIVE / "profile.h").read_bytes(), " ".join(flags).encode()]
    key = sha256_bytes(b"\0".join(parts))[:16]
    library = user_cache() / "native" / f"{Path(source).stem}-{key}.so"
    if not is_intact(library):
        library.parent.mkdir(parents=True, exist_ok=True)
        temporary = library.with_suffix(f".{os.getpid()}.so")
        run_compiler(
            [*find_host_compiler(), "-O2", "-shared", "-fPIC", *flags, str(NATIVE / source), "-o", str(temporary)], source
        )
        os.replace(temporary, library)
        seal_file(library)
    return library
