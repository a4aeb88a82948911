"""Compilers for Cortex-M, and the programs linked with them."""
