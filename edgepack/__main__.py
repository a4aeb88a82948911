"""`python -m edgepack`."""

from __future__ import annotations

from edgepack.cli import main

main()
