"""Running the Python files of a project: model.py and data.py."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, TypeVar

from edgepack.ground.errors import EdgepackError
from edgepack.ground.private import users_umask, with_umask

Result = TypeVar("Result")


@dataclass(frozen=True)
class FunctionSource:
    """`data.py:load` split into its file and function."""

    file: Path
    function: str


def function_source(source: str, folder: Path) -> FunctionSource | None:
    """The file and function of `file.py:function` (or `module:function`), or None when `source` is not of that form."""
    name, separator, function = source.rpartition(":")
    if not separator or not function.isidentifier():
        return None
    return FunctionSource(folder / (name if name.endswith(".py") else f"{name.replace('.', '/')}.py"), function)


def source_files(file: Path, folder: Path) -> list[Path]:
    """`file` and every file of the project `folder` that it imports, directly or through another, sorted.

    A file that is not valid Python counts without its imports; running it will say what is wrong.
    """
    found: set[Path] = set()
    queue = [file]
    while queue:
        current = queue.pop()
        if current in found:
            continue
        found.add(current)
        with contextlib.suppress(SyntaxError, ValueError, UnicodeDecodeError):
            for name in _imported_names(ast.parse(current.read_text(encoding="utf-8"))):
                queue += [path for path in _module_files(folder, name) if path not in found]
    return sorted(found)


def named_files(file: Path, folder: Path) -> list[Path]:
    """The files of the project `folder` that the code of `file` names in a text constant, such as "weights.h5"; sorted."""
    with contextlib.suppress(SyntaxError, ValueError, UnicodeDecodeError):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        plausible = [name for name in names if 0 < len(name) < 200 and "\n" not in name and "\0" not in name]
        return sorted(folder / name for name in plausible if not Path(name).is_absolute() and (folder / name).is_file())
    return []


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if base:
                yield base
            yield from (f"{base}.{alias.name}".lstrip(".") for alias in node.names)


def _module_files(folder: Path, name: str) -> list[Path]:
    """The project's files behind an import of `name`: each package's __init__.py on the way, and the module."""
    parts = name.split(".")
    paths = [folder.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in [*paths, folder.joinpath(*parts).with_suffix(".py")] if path.is_file()]


@dataclass
class OpenedFiles:
    """The data files that user code read."""

    paths: set[Path] = field(default_factory=set)


_watching: list[OpenedFiles] = []
_hooked = False


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _watching or not isinstance(arguments[0], str):
        return
    mode, flags = arguments[1], arguments[2]
    writes = bool(flags & (os.O_WRONLY | os.O_RDWR)) if isinstance(flags, int) else False
    if writes or (isinstance(mode, str) and any(letter in mode for letter in "wax+")):
        return
    _watching[-1].paths.add(Path(os.path.abspath(arguments[0])))


@contextlib.contextmanager
def watch_opened_files(folder: Path) -> Iterator[OpenedFiles]:
    """Collect the files that Python code opens for reading while the block runs: those of the project `folder`, and others
    outside of the system, the Python installation and download caches.

    Files opened by native code (HDF5, TensorFlow's own file functions) are not seen.
    """
    global _hooked
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked = True
    opened = OpenedFiles()
    _watching.append(opened)
    try:
        yield opened
    finally:
        _watching.remove(opened)
        opened.paths = {path for path in opened.paths if path.is_file() and _is_data(path, folder)}


def _is_data(path: Path, folder: Path) -> bool:
    """Whether a file is the user's data, rather than code or a part of the system, of Python or of a download cache."""
    if path.suffix in (".py", ".pyc", ".so") or any(part in ("__pycache__", ".edgepack") for part in path.parts):
        return False
    if path.is_relative_to(folder):
        return True
    home = Path.home()
    if path.is_relative_to(home) and path.relative_to(home).parts[0].startswith("."):
        return False
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    return not any(path.is_relative_to(root) for root in python | {"/proc", "/sys", "/dev", "/etc", "/usr"})


def standard_error() -> TextIO:
    """Standard error, for what libraries and user code print: standard output belongs to results."""
    return sys.stderr


@contextlib.contextmanager
def user_module(file: Path, folder: Path, fail: Callable[[str], EdgepackError]) -> Iterator[ModuleType]:
    """Import `file` for the block, with the project `folder` first on the import path.

    What it prints goes to standard error. Modules of the project are forgotten afterwards, so that another project with
    files of the same names gets its own. Anything raised inside, by the file or by the block, becomes `fail(reason)` with
    the reason "data.py:12: ValueError: …"; edgepack's own errors pass as they are.
    """
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        with contextlib.redirect_stdout(standard_error()), with_umask(users_umask()):
            spec = importlib.util.spec_from_file_location(f"_edgepack_user_{file.stem}", file)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[module.__name__] = module
            spec.loader.exec_module(module)
            yield module
    except EdgepackError:
        raise
    except (Exception, SystemExit) as error:
        raise fail(describe(error, folder)) from error
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None)
            if origin and Path(origin).is_relative_to(folder) and "site-packages" not in origin:
                del sys.modules[name]


def describe(error: BaseException, folder: Path) -> str:
    """Where in the project an exception came from, and what it says, in one line.

    >>> describe(ValueError("no such column"), Path("."))
    'ValueError: no such column'
    """
    text = " ".join(str(error).split()) or "no message"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}: {type(error).__name__}: {error.msg}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder) and "site-packages" not in frame.filename
    ]
    place = f"{Path(frames[-1].filename).relative_to(folder)}:{frames[-1].lineno}: " if frames else ""
    return f"{place}{type(error).__name__}: {text[:300]}"
