"""Constants in flash as codes (edgepack/coding), and calls that decode them before they run."""

from edgepack.compile.coded.fitting import coded

__all__ = ["coded"]
