"""The main program of the host's workers: worker_main.py PROGRAM.py, with the job as JSON on standard input.

PROGRAM.py has one function, `work(job)`, whose value is the answer. It is printed as run.py prints its result: one line of JSON
between EDGEPACK-RESULT and EDGEPACK-END, exit status 0; or 1 with {"error": …, "kind": …}, where kind is "runtime" when a module
cannot be imported and "model" for anything else, whose traceback goes to standard error.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from pathlib import Path
from typing import Any


def load(name: str, file: Path) -> Any:
    """The module in a file, under a name that other modules may import it by."""
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main(file: str) -> int:
    """Do the job and print the answer."""
    job = json.load(sys.stdin)
    try:
        # This very edgepack: its folder may not be on the path, and on the path may be another.
        load("edgepack", Path(__file__).resolve().parents[1] / "__init__.py")
        status, result = 0, load(Path(file).stem, Path(file)).work(job)
    except Exception as error:
        traceback.print_exc()
        kind = "runtime" if isinstance(error, ImportError) else "model"
        status, result = 1, {"error": " ".join(str(error).split())[:300] or type(error).__name__, "kind": kind}
    print(f"EDGEPACK-RESULT\n{json.dumps(result)}\nEDGEPACK-END", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
