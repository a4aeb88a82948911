"""Help without the parts of rich that help does not use.

typer formats help with rich, and its module for that imports rich's Markdown renderer and tracebacks, with markdown-it, pygments
and what formats values in notebooks behind them: more than half of the time of `edgepack --help`. Help texts here are in rich's
own markup and tracebacks are Python's (`--debug`), so both are left out while typer.rich_utils is loaded.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_UNUSED = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}


def load_help_formatter() -> None:
    """Import typer.rich_utils with empty classes in place of Markdown and Traceback; whole when typer wants more than those."""
    left_out = {name: _empty(name, found) for name, found in _UNUSED.items() if name not in sys.modules}
    sys.modules.update(left_out)
    try:
        importlib.import_module("typer.rich_utils")
    except ImportError:
        sys.modules.pop("typer.rich_utils", None)
    finally:
        for name in left_out:
            del sys.modules[name]


def _empty(name: str, found: str) -> ModuleType:
    module = ModuleType(name)
    setattr(module, found, type(found, (), {}))
    return module
